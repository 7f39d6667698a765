"""layer_kinds.pyx has nothing that Python calls."""
