"""Prepare images (draw phantoms or decode real images), split, limit and audit them, and identify them by content."""
