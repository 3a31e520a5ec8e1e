"""Build and train the model of a trial, with checkpoints and a history."""
