"""Reward functions for TRL's GRPOTrainer and RLOOTrainer.

    from s2r_trl import outcome_reward, verification_reward

    GRPOTrainer(..., reward_funcs=[outcome_reward, verification_reward], train_dataset=dataset_with_gold_column)

The dataset needs a column `gold` (or `solution`, `answer`). TRL gives one reward to a whole response: the
process-level baselines of the paper need the verl or the OpenRLHF integration.
"""

from s2r_trl.rewards import S2RReward, action_reward, outcome_reward, verification_reward

__all__ = ["S2RReward", "action_reward", "outcome_reward", "verification_reward"]
