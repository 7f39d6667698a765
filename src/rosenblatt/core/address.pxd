# The address of a NumPy array's data, for the extensions that pass it to kernels.
# SPDX-License-Identifier: BSD-3-Clause

cdef inline char *address(object array) except? NULL:
    """The caller keeps the array alive."""
    return <char *> <size_t> array.__array_interface__["data"][0]
