"""Methods that credit an action with its own reward, or with that and the progress it made."""
