"""Speed and memory of this package compared with others: ``python -m benchmarks``.

README.md says how to read the outcome, CONTRIBUTING.md how to measure a change.
"""

import os

# Some machines pin OpenBLAS to an older core, which users do not have. It is read when NumPy
# loads, so nothing of this package may import NumPy before this line.
DROPPED = {
    name: os.environ.pop(name)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    if name in os.environ
}
