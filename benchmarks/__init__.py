"""Speed of this package next to its peers, measured in one run: ``python -m benchmarks``."""
