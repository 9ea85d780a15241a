"""``--train.agent_func_path`` loads this file by path; the class itself lives in the package, so it pickles."""

from s2r_openrlhf.agent import AgentExecutor

__all__ = ["AgentExecutor"]
