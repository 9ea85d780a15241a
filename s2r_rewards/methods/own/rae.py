"""RAE: each role is compared with a moving average of its own past.

A = R − b(role), then b(role) ← 0.95·b + 0.05·R; b starts at 0; role ∈ {attempt, verification}; R = ±1.
Source: role-conditioned advantage estimation, SPIRAL, arXiv:2506.24119 (train_spiral.py:78, 488).
Caveat: the roles are the players of a game there, and the key holds the game. Knows the past only: unbiased, but the
order of a batch counts, and b lags behind a policy that improves.
"""

from s2r_rewards.baselines import moving_average
from s2r_rewards.methods.base import Method

RAE = Method("rae", "RAE, arXiv:2506.24119", baseline=moving_average, running=True, ratio="token")
