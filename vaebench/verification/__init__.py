"""Verification of submitted results: records, weights and boards."""
