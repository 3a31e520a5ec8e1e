"""Each method at its best: parameters chosen on validation images, with the same budget for all."""
