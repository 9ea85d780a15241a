"""S²R (arXiv:2502.12853): online RL at the process or the outcome level, and offline RL by accuracy groups.

R(s_j) = +1 iff V_golden(s_j) = correct; R(v_j) = +1 iff Parser(v_j) = V_golden(s_j); else −1 (§2.3.2).
Process: b = mean over the batch by reward context (Eq. 4), one ratio per action (Eq. 6). Outcome: RLOO (Eq. 2).
Offline: b = mean by accuracy group and position (F.1.1) or accuracy group alone (F.1).
Caveat: Eq. 4 counts an action in its own mean, which shrinks rare contexts.
"""

from s2r_rewards.baselines import accuracy_baseline, reward_context, rloo
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import outcome_per_action

PRL = Method("s2r-prl", "§2.3.2, Eq. 4–6, arXiv:2502.12853", baseline=reward_context)
ORL = Method(
    "s2r-orl",
    "§2.3.1, Eq. 2 and 3, arXiv:2502.12853",
    rewards=outcome_per_action,
    baseline=rloo,
    level="outcome",
    groups="prompt",
)
OFFLINE_PRL = Method(
    "s2r-offline-prl", "appendix F.1.1, arXiv:2502.12853", baseline=accuracy_baseline("position"), groups="accuracy"
)
OFFLINE_ORL = Method(
    "s2r-offline-orl",
    "appendix F.1, arXiv:2502.12853",
    rewards=outcome_per_action,
    baseline=accuracy_baseline("outcome"),
    level="outcome",
    groups="accuracy",
)
