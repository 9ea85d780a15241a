"""``s2r data``: from a base model to training data."""

import click

from s2r_rewards.cli.kit.commands import LazyGroup

#: Each step is a module; its line of help, in order.
STEPS = {
    "problems": "Any data set into one schema: checked, de-duplicated, decontaminated.",
    "paper": "The RL prompts of the paper's table 1, for one of its models.",
    "sample": "K responses per problem from an OpenAI-compatible server.",
    "verify": "Verifications of sampled attempts, each ending in one verdict.",
    "init": "Behaviour-initialisation trajectories for SFT.",
    "rl": "RL prompts within an accuracy band of the SFT model.",
    "turns": "Verification prompts, mixed with problems, for RL in turns.",
    "offline": "Offline RL data with advantages, out of stored rollouts.",
}


@click.command(cls=LazyGroup, package=__name__, verbs=STEPS, heading="Steps, in order")
def command() -> None:
    """From a base model to training data. Every step can be killed and started again.

    \b
    Example: the whole way from MATH to an SFT file and RL prompts
      s2r data problems --source math train/ -o problems.jsonl --against math500.jsonl
      s2r data sample problems.jsonl -o samples.jsonl --launch-vllm --model Qwen/Qwen2.5-Math-7B
      s2r data verify samples.jsonl -o verified.jsonl --url http://localhost:8000/v1 --model Qwen/Qwen2.5-Math-7B
      s2r data init verified.jsonl -o sft.jsonl --verl sft.parquet
      s2r data rl problems.jsonl --rollouts sft-samples.jsonl -o rl.jsonl --verl rl.parquet
      s2r data turns sft-samples.jsonl -o mixed.jsonl --problems rl.jsonl --verl mixed.parquet
      s2r data offline sft-samples.jsonl -o offline.jsonl --verl offline.parquet
    """
