"""Doing the jobs of a plan: the sweep, its workers and executors, and what they tell."""

PATIENCE = 900.0
"""Seconds without a word from a trial after which it is ended, unless the user says otherwise."""
