"""Accuracy and time on real tables, for the section `tables`."""
