"""The paper's figures 1, 3 and 4 (arXiv:2502.12853) of the runs on the page."""

from s2r_rewards.report.paper.figures import paper_figures

__all__ = ["paper_figures"]
