"""Several runs in one page: their figures side by side, and what changed on which problems."""

from s2r_rewards.report.compare.changes import Difference, Problem, Visit, difference, problems_of
from s2r_rewards.report.compare.samples import Sample, sample_of

__all__ = ["Difference", "Problem", "Sample", "Visit", "difference", "problems_of", "sample_of"]
