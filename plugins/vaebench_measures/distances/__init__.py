"""How far apart two sets of features are, and the errors of that."""
