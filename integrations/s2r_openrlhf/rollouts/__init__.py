"""What is measured on samples: evaluation, and counts of the reward file or server."""
