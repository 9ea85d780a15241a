"""What is wrong with a configuration or a data set, found before a GPU is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from s2r_verl.options import ConfigError, Options

AGENT_LOOPS = ("s2r_agent", "s2r_replay")
ESTIMATORS = ("s2r_process", "s2r_outcome", "s2r_dense")
TRAINER, LOSS, MANAGER = "s2r_sync", "s2r_action", "s2r"
RL_COLUMNS = ("prompt", "data_source", "reward_model")
MESSAGES_COLUMNS = ("messages",)
_LEGACY = {"custom_reward_function": "reward.custom_reward_function", "reward_model": "reward"}


def find(config: Any, path: str, default: Any = None) -> Any:
    """``find(cfg, "actor_rollout_ref.actor.use_kl_loss")`` in a DictConfig or nested dicts; default if "
    "absent."""
    for part in path.split("."):
        if config is None or not hasattr(config, "get"):
            return default
        config = config.get(part)
    return default if config is None else config


def legacy_keys(config: Any) -> Iterator[str]:
    """Keys of older verl versions that hold a value; verl 0.9 reads them without a word and ignores them."""
    for block, replacement in _LEGACY.items():
        for path, value in _leaves(find(config, block), block):
            if value is not None:
                yield (
                    f"{path}={value!r} is a key of older verl versions; verl 0.9 accepts and ignores it. "
                    f"Use the block {replacement}.* instead"
                )


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(node, "items"):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}")
    elif node is not None:
        yield path, node


def config_problems(config: Any) -> list[str]:
    """Everything in a composed PPO configuration that S2R cannot work with, each with the way out."""
    problems = list(legacy_keys(config))
    estimator = find(config, "algorithm.adv_estimator")
    loop = find(config, "actor_rollout_ref.rollout.agent.default_agent_loop", "single_turn_agent")
    trainer = find(config, "trainer.v1.trainer_mode", "sync")
    try:
        options = Options.from_algorithm(find(config, "algorithm"))
    except ConfigError as error:
        return [*problems, str(error)]

    if find(config, "algorithm.use_kl_in_reward", False):
        problems.append(
            "algorithm.use_kl_in_reward=True puts a KL term on every token of the reward, and the "
            "actions can no "
            "longer be told from it. Set it to False and use actor_rollout_ref.actor.use_kl_loss=True, or "
            "algorithm.s2r.beta for the paper's KL term"
        )
    if not find(config, "trainer.use_v1", True):
        problems.append(
            "trainer.use_v1=False selects verl's legacy trainer; s2r_verl works with trainer.use_v1=True"
        )
    if estimator == "s2r_process" and loop != "s2r_agent":
        problems.append(
            "algorithm.adv_estimator=s2r_process needs a reward at the end of every action, which agent "
            "loop "
            f"{loop!r} does not write. Set actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent"
        )
    if estimator == "s2r_process" and options.level != "process":
        problems.append("algorithm.adv_estimator=s2r_process needs algorithm.s2r.level=process")
    if estimator == "s2r_dense" and loop != "s2r_replay":
        problems.append(
            f"algorithm.adv_estimator=s2r_dense replays stored advantages; set "
            f"actor_rollout_ref.rollout.agent.default_agent_loop=s2r_replay (found {loop!r})"
        )
    problems += _loss_problems(config, loop, trainer)
    if options.beta and not find(config, "actor_rollout_ref.actor.use_kl_loss", False):
        problems.append(
            "algorithm.s2r.beta > 0 needs the reference model: set "
            "actor_rollout_ref.actor.use_kl_loss=True, with "
            "actor_rollout_ref.actor.kl_loss_coef=0 unless you want a KL loss besides"
        )
    if options.beta and trainer != TRAINER:
        problems.append(f"algorithm.s2r.beta needs trainer.v1.trainer_mode={TRAINER} (found {trainer!r})")
    return problems


def _loss_problems(config: Any, loop: str, trainer: str) -> Iterator[str]:
    if find(config, "actor_rollout_ref.actor.policy_loss.loss_mode") != LOSS:
        return
    if trainer != TRAINER:
        yield f"loss_mode={LOSS} needs trainer.v1.trainer_mode={TRAINER} (found {trainer!r})"
    if loop not in AGENT_LOOPS:
        yield (
            f"loss_mode={LOSS} needs the boundaries of actions: set "
            f"actor_rollout_ref.rollout.agent.default_agent_loop to one of {', '.join(AGENT_LOOPS)} "
            f"(found {loop!r})"
        )


def require_good_config(config: Any) -> None:
    """Raises ConfigError that lists every problem."""
    problems = config_problems(config)
    if problems:
        raise ConfigError(
            "this configuration cannot train with S2R:\n" + "\n".join(f"  - {p}" for p in problems)
        )


def require_columns(files: Any, columns: Iterable[str], what: str) -> None:
    """Raises ConfigError naming the file and the columns it lacks. Only local parquet files are looked "
    "into."""
    import pyarrow.parquet as pq

    for path in [files] if isinstance(files, str) else list(files or ()):
        if "://" in str(path) or not str(path).endswith(".parquet"):
            continue
        try:
            found = pq.read_schema(path).names
        except FileNotFoundError:
            raise ConfigError(
                f"{what} {path}: no such file; `s2r data rl --help` shows how to make one"
            ) from None
        missing = [column for column in columns if column not in found]
        if missing:
            raise ConfigError(
                f"{what} {path}: missing column(s) {', '.join(missing)}; found {', '.join(found)}. "
                "`s2r data rl … --verl FILE` and `s2r data init … --verl FILE` write the expected form"
            )
