"""Turns records into boards with pure functions, which read and write no files and do not need torch."""
