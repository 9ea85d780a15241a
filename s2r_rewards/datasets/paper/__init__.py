"""The paper's own training data: the mixtures of table 1, and what its authors have published of theirs."""
