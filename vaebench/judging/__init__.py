"""Compute numbers and pictures from a trained model."""
