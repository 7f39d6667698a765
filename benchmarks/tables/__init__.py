"""Accuracy and time on real tables: what the section `tables` reads, fits, keeps and draws."""
