"""These tests need their own environment: see suite.json."""

import os

os.environ.setdefault("VERL_PLATFORM", "cpu")
