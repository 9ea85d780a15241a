"""Other checkers and computer algebra, in worker processes that can be killed.

``backends``     a check of one pair by somebody else's reading, as a typed result
``comparisons``  what a worker can do
``nursery``      the process that loads the libraries once and forks the workers
``pool``         the caller's end: one pool a process, its workers shared by all threads
``wire``         lines of JSON between them
"""
