"""Boards and progress -> terminal, files and pictures."""
