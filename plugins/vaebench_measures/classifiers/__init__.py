"""Classifiers, what they predict, and how right that is."""
