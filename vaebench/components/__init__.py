"""Names to classes: find plugins, register their components, read their parameters."""
