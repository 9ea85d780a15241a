"""What the verbs share: commands and exit codes, options, reading, scoring, asking a model, showing."""
