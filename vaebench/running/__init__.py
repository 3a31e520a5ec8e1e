"""Runs the jobs of a plan: the sweep, its workers and executors, and the reports of their progress."""

PATIENCE = 900.0
"""The default number of seconds without a sign of life after which a trial is ended"""
