"""The whole of S²R (arXiv:2502.12853) on two CPU cores: a tiny model learns to verify and correct itself."""
