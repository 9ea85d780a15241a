"""Evaluation: the paper's eleven benchmarks, accuracy and behaviour, beside the paper's own figures."""
