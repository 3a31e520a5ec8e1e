"""From a board to what people read: terminal, Markdown, CSV, JSON, LaTeX and a page."""
