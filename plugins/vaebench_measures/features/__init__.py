"""Images as features: the spaces in which sets of images are compared, and pixels as classifiers read them."""
