"""From a trained model to numbers and pictures."""
