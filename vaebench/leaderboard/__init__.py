"""From records to a board: pure functions, without input or output and without torch."""
