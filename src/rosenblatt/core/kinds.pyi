"""kinds.pyx has nothing that Python calls."""
