"""``--train.agent_func_path`` of offline runs; the class itself lives in the package, so it pickles."""

from s2r_openrlhf.replay import AgentExecutor

__all__ = ["AgentExecutor"]
