"""Records of trials: their definition, their storage, and their provenance."""
