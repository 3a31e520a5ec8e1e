"""Distances between two sets of features, and their standard errors."""
