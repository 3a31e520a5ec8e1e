"""Records of trials: their definition, where they are stored, and what is known about where trials ran."""
