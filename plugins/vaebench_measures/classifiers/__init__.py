"""Classifiers, their predictions, and statistics of the predictions."""
