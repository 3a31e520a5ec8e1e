"""Images as features: the spaces in which sets of images are compared, and the pixels that classifiers are given."""
