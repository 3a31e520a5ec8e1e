"""Tuning: parameters of each method are chosen on validation images, with the same budget for all."""
