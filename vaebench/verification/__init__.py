"""Whether other people's results are what they say: records, weights and boards."""
