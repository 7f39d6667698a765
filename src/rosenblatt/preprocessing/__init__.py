"""Transformers that turn raw tables into what a network learns from quickly.

They train nothing but their own bins and statistics.
"""

# SPDX-License-Identifier: BSD-3-Clause
__all__ = []
