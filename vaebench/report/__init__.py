"""Renders a board in every format: terminal, Markdown, CSV, JSON, LaTeX and an HTML page."""
