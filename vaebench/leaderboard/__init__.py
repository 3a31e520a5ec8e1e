"""Turns records into a board, with pure functions that do no input or output and do not need torch."""
