"""Data sets: from problems to training data, and back from rollouts."""
