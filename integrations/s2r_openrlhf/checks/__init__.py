"""What is looked at before a GPU is taken: flags, data, and the OpenRLHF that is installed."""
