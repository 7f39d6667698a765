"""Training on data that are larger than memory: `Dataset`, and the fits that read it in blocks.

No public name of its own: `rosenblatt.Dataset` is the class of _dataset.py.
"""
