"""From a trial to a trained model: build it, train it, keep checkpoints and a history."""
