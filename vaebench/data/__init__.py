"""Images made ready once, by content: drawn or decoded, split, limited, audited."""
