"""Prepared images, identified by their content: drawn or decoded, split, limited and audited."""
