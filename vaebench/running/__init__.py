"""Doing the jobs of a plan: the sweep, its workers and executors, and what they tell."""
