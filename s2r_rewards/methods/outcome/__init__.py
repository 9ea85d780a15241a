"""Methods with one advantage a response: all its actions are credited alike."""
