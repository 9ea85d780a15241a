"""``--reward.remote_url`` loads this file by path; the function itself lives in the package, so it pickles."""

from s2r_openrlhf.reward import reward_func

__all__ = ["reward_func"]
