"""Other checkers and computer algebra, in worker processes that can be killed."""
