"""The paper's own figures (arXiv:2502.12853), in percent, to stand beside a run's."""

#: Greedy pass@1: stage -> (MATH500, average of the seven in-domain benchmarks).
ACCURACY: dict[str, dict[str, tuple[float, float]]] = {
    "Llama-3.1-8B-Instruct": {"base": (48.0, 36.6), "BI": (49.6, 36.7), "PRL": (53.6, 38.2), "ORL": (55.0, 40.3)},
    "Qwen2-7B-Instruct": {
        "base": (51.2, 35.3),
        "BI": (61.2, 42.4),
        "PRL": (65.4, 44.2),
        "ORL": (64.8, 44.1),
        "PRL-offline": (61.6, 44.1),
        "ORL-offline": (61.0, 44.3),
    },
    "Qwen2.5-Math-7B": {
        "base": (51.0, 35.6),
        "BI": (81.6, 59.3),
        "PRL": (83.4, 62.0),
        "ORL": (84.4, 62.4),
        "PRL-offline": (83.4, 61.6),
        "ORL-offline": (82.0, 61.2),
    },
}

#: Behaviour on MATH500 (appendix E): metric -> stage -> percent.
BEHAVIOUR: dict[str, dict[str, dict[str, float]]] = {
    "Qwen2-7B-Instruct": {
        "s2r/verify/accuracy": {"BI": 58.31, "PRL": 67.86, "ORL": 63.93},
        "s2r/verify/error_recall": {"BI": 81.91, "PRL": 86.67, "ORL": 87.34},
        "s2r/verify/correct_precision": {"BI": 65.58, "PRL": 73.59, "ORL": 69.80},
        "s2r/correct/i2c": {"BI": 20.00, "PRL": 22.17, "ORL": 19.55},
        "s2r/correct/c2i": {"BI": 8.42, "PRL": 5.39, "ORL": 3.93},
    },
    "Qwen2.5-Math-7B": {
        "s2r/verify/accuracy": {"BI": 61.58, "PRL": 74.61, "ORL": 66.49},
        "s2r/verify/error_recall": {"BI": 66.83, "PRL": 64.75, "ORL": 70.11},
        "s2r/verify/correct_precision": {"BI": 84.94, "PRL": 90.28, "ORL": 87.85},
        "s2r/correct/i2c": {"BI": 6.52, "PRL": 12.22, "ORL": 13.64},
        "s2r/correct/c2i": {"BI": 1.96, "PRL": 1.46, "ORL": 0.97},
    },
}

#: Accuracy of verifications by style: model -> style -> (all, attempt right, attempt wrong).
STYLES: dict[str, dict[str, tuple[float, float, float]]] = {
    "Llama-3.1-8B-Instruct": {"problem-solving": (80.10, 87.28, 66.96), "confirmative": (65.67, 77.27, 78.22)},
    "Qwen2-7B-Instruct": {"problem-solving": (73.28, 90.24, 67.37), "confirmative": (58.31, 76.16, 70.05)},
    "Qwen2.5-Math-7B": {"problem-solving": (77.25, 91.21, 56.67), "confirmative": (61.58, 82.80, 68.04)},
}


def accuracy_rows(model: str) -> dict[str, dict[str, float]]:
    """Benchmark name (``math500``, and ``average`` of the in-domain seven) -> stage -> percent."""
    figures = ACCURACY.get(model, {})
    return {
        "math500": {stage: pair[0] for stage, pair in figures.items()},
        "average": {stage: pair[1] for stage, pair in figures.items()},
    }
