"""Methods that credit an action with what comes after it, too."""
