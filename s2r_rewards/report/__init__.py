"""One self-contained HTML page out of stored rollouts: `s2r report rollouts.jsonl -o report.html`."""

from s2r_rewards.report.page import MOST_RUNS, Limits, render, render_compared, render_run, render_runs

__all__ = ["MOST_RUNS", "Limits", "render", "render_compared", "render_run", "render_runs"]
