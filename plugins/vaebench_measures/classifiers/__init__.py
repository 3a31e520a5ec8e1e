"""Classifiers, their predictions, and statistics of these."""
