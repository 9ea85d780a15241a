"""What is wrong with a configuration or a data set, found before a GPU is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from s2r_rewards.adapter import ConfigError, Options, resolve_method
from s2r_rewards.methods import Method

AGENT_LOOPS = ("s2r_agent", "s2r_replay")
#: Estimator → the level of method that its name promises, None: any.
CREDIT = {"s2r": None, "s2r_process": "process", "s2r_outcome": "outcome"}
DENSE, TRAINER, LOSS = "s2r_dense", "s2r_sync", "s2r_action"
RL_COLUMNS = ("prompt", "data_source", "reward_model")
MESSAGES_COLUMNS = ("messages",)
KL_IN_REWARD = (
    "algorithm.use_kl_in_reward=True puts a KL term on every token of the reward, and S2R's advantages would not "
    "hold it. Set it to False and use actor_rollout_ref.actor.use_kl_loss=True, or algorithm.s2r.beta for the "
    "paper's KL term"
)
_LEGACY = {"custom_reward_function": "reward.custom_reward_function", "reward_model": "reward"}
_LOOP = "actor_rollout_ref.rollout.agent.default_agent_loop"


def find(config: Any, path: str, default: Any = None) -> Any:
    """``find(cfg, "trainer.v1.trainer_mode")`` in a DictConfig or nested dicts; ``default`` if absent."""
    for part in path.split("."):
        if config is None or not hasattr(config, "get"):
            return default
        config = config.get(part)
    return default if config is None else config


def legacy_keys(config: Any) -> Iterator[str]:
    """Keys of older verl versions that hold a value; verl 0.9 reads them without a word and ignores them."""
    for block, replacement in _LEGACY.items():
        for path, value in _leaves(find(config, block), block):
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


def read_options(config: Any) -> Options:
    """The block ``algorithm.s2r`` of a whole configuration. ConfigError names key and way out.

    Command line: ``+algorithm.s2r.leave_one_out=True``; YAML: a block ``s2r:`` under ``algorithm:``.
    """
    return Options.from_mapping(find(config, "algorithm.s2r", {}), "algorithm.s2r")


def config_problems(config: Any) -> list[str]:
    """Everything in a composed PPO configuration that S2R cannot work with, each with the way out."""
    problems = list(legacy_keys(config))
    try:
        options = read_options(config)
    except ConfigError as error:
        return [*problems, str(error)]
    if find(config, "algorithm.use_kl_in_reward", False):
        problems.append(KL_IN_REWARD)
    if not find(config, "trainer.use_v1", True):
        problems.append("trainer.use_v1=False selects verl's legacy trainer; s2r_verl works with trainer.use_v1=True")
    if options.rollouts is not None:
        problems.append(
            "algorithm.s2r.rollouts: verl writes its rollouts itself; set trainer.rollout_data_dir=FOLDER, which "
            "`s2r report FOLDER` reads"
        )
    return [*problems, *_combinations(config, options, resolve_method(options))]


def _combinations(config: Any, options: Options, method: Method) -> Iterator[str]:
    """Estimator, loss and KL term that miss the agent loop, the trainer or the method which they need."""
    estimator = find(config, "algorithm.adv_estimator")
    named = f"algorithm.adv_estimator={estimator}"
    loop = find(config, _LOOP, "single_turn_agent")
    trainer = find(config, "trainer.v1.trainer_mode", "sync")
    loss = find(config, "actor_rollout_ref.actor.policy_loss.loss_mode") == LOSS
    if estimator == DENSE and loop != "s2r_replay":
        yield f"{named} replays stored advantages; set {_LOOP}=s2r_replay (found {loop!r})"
    users = ((estimator in CREDIT, named), (loss, f"loss_mode={LOSS}"), (options.beta, "algorithm.s2r.beta"))
    for used, name in users:
        if used and trainer != TRAINER:
            yield f"{name} needs trainer.v1.trainer_mode={TRAINER} (found {trainer!r})"
    if CREDIT.get(estimator) not in (None, method.level):
        yield (
            f"{named} needs a method of the level {CREDIT[estimator]}; algorithm.s2r.method={method.name} is of the "
            f"level {method.level}. Set algorithm.adv_estimator=s2r, which takes any, or another method: s2r-prl "
            "(level process), s2r-orl (level outcome)"
        )
    if estimator in CREDIT and method.level == "process" and loop != "s2r_agent":
        yield f"{named} needs the boundaries of actions, which agent loop {loop!r} does not write. Set {_LOOP}=s2r_agent"
    if loss and loop not in AGENT_LOOPS:
        yield (
            f"loss_mode={LOSS} needs the boundaries of actions: set {_LOOP} to one of {', '.join(AGENT_LOOPS)} "
            f"(found {loop!r})"
        )
    if options.beta and not find(config, "actor_rollout_ref.actor.use_kl_loss", False):
        yield (
            "algorithm.s2r.beta > 0 needs the reference model: set actor_rollout_ref.actor.use_kl_loss=True, with "
            "actor_rollout_ref.actor.kl_loss_coef=0 unless you want a KL loss besides"
        )


def require_good_config(config: Any) -> None:
    """Raises ConfigError that lists every problem."""
    problems = config_problems(config)
    if problems:
        raise ConfigError("this configuration cannot train with S2R:\n" + "\n".join(f"  - {p}" for p in problems))


def require_columns(files: Any, columns: Iterable[str], what: str) -> None:
    """Raises ConfigError naming the file and the columns it lacks. Only local parquet files are looked into."""
    import pyarrow.parquet as pq

    for path in [files] if isinstance(files, str) else list(files or ()):
        if "://" in str(path) or not str(path).endswith(".parquet"):
            continue
        try:
            found = pq.read_schema(path).names
        except FileNotFoundError:
            raise ConfigError(f"{what} {path}: no such file; `s2r data rl --help` shows how to make one") from None
        missing = [column for column in columns if column not in found]
        if missing:
            raise ConfigError(
                f"{what} {path}: missing column(s) {', '.join(missing)}; found {', '.join(found)}. "
                "`s2r data rl … --verl FILE` and `s2r data init … --verl FILE` write the expected form"
            )
