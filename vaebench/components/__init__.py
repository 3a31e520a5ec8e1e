"""Components by name: find plugins, register their components, and read their parameters."""
