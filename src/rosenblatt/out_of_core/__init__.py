"""Training on data that are larger than memory: `Dataset`, and the fits that read it in blocks.

It has no public names; `rosenblatt.Dataset` is defined in _dataset.py.
"""
