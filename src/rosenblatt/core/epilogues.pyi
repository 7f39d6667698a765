"""epilogues.pyx has nothing that Python calls."""
