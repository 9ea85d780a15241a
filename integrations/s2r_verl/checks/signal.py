"""Rules about the signal: which rewards are computed, which advantages are made of them, and who reads which option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from s2r_rewards.adapter import LOSS_OPTIONS, TRAINING_OPTIONS, ConfigError, Options, resolve_method
from s2r_verl.checks.setup import (
    CREDIT,
    DENSE,
    ESTIMATOR_KEY,
    FUNCTION,
    FUNCTION_KEY,
    LOSS,
    LOSS_KEY,
    MANAGER,
    MANAGER_KEY,
    TRAINERS,
    Rule,
    Setup,
    find,
)

#: verl's managers that call a reward function once a response and hand on what it reports.
_CALLING = ("naive", "dapo", "limited", "remote")
#: Options that only S²R's estimators read.
_BASELINES = ("baseline", "groups", "running", "leave_one_out", "min_count")
KL_IN_REWARD = (
    "algorithm.use_kl_in_reward=True puts a KL term on every token of the reward, and S2R's advantages would not "
    "hold it. Set it to False and use actor_rollout_ref.actor.use_kl_loss=True, or algorithm.s2r.beta for the "
    "paper's KL term"
)
_LEGACY = {"custom_reward_function": "reward.custom_reward_function", "reward_model": "reward"}


def legacy_keys(config: Any) -> Iterator[str]:
    """Keys of older verl versions that hold a value; verl 0.9 reads them without a word and ignores them."""
    for block, replacement in _LEGACY.items():
        for path, value in leaves(find(config, block), block):
            yield (
                f"{path}={value!r} is a key of older verl versions; verl 0.9 accepts and ignores it. "
                f"Use the block {replacement}.* instead"
            )


def leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a block that is set."""
    if hasattr(node, "items"):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}")
    elif node is not None:
        yield path, node


def rewards_are_ours(s: Setup) -> Iterator[str]:
    """S²R's parts of training live on the records that its rewards send along."""
    source = s.get("reward.reward_manager.source", "register")
    if s.ours and source != "register":
        yield f"reward.reward_manager.source={source} loads another class than S2R's; set it to register for name={MANAGER}"
    if not s.users or s.ours:
        return
    outcome = s.method.level == "outcome" or not s.credits
    if s.function and outcome and s.manager in _CALLING:
        return
    also = f"; at the outcome level {FUNCTION_KEY}={FUNCTION} with one of {', '.join(_CALLING)} does as well"
    yield (
        f"{MANAGER_KEY}={s.manager} computes rewards without S2R's record of their actions, which {s.users[0]} needs: "
        f"set {MANAGER_KEY}={MANAGER}{also if outcome else ''}"
    )


def manager_reads_all(s: Setup) -> Iterator[str]:
    """What verl's managers read of ``reward`` and S²R's does not."""
    if not (s.ours or s.function):
        return
    if s.on("reward.reward_model.enable"):
        yield (
            "reward.reward_model.enable=True lets a reward model score the responses in the place of S2R's rewards, or "
            "runs one that nobody asks; set it to False"
        )
    if not s.ours:
        yield from _function_and_options(s)
        return
    path, url = s.get(FUNCTION_KEY), s.get("reward.sandbox_fusion.url")
    if path is not None:
        yield (
            f"{FUNCTION_KEY}={path} is not called by {MANAGER_KEY}={MANAGER}; unset it (algorithm.s2r.rewards takes "
            "rewards of your own), or keep the function with another manager and a stock estimator"
        )
    if url is not None:
        yield f"reward.sandbox_fusion.url={url} is not read by {MANAGER_KEY}={MANAGER}: S2R runs no code; unset it"
    kwargs = s.get("reward.reward_kwargs", {})
    switched = find(kwargs, "overlong_buffer_cfg.enable", True)
    for key, value in leaves(kwargs, "reward.reward_kwargs"):
        if switched:
            yield (
                f"{key}={value} is not read by {MANAGER_KEY}={MANAGER}. An overlong penalty belongs to the reward of the "
                f"whole response: set {MANAGER_KEY}=dapo with {FUNCTION_KEY}={FUNCTION} and a method of the outcome "
                "level, or unset it"
            )
            return


def _function_and_options(s: Setup) -> Iterator[str]:
    """The reward function has options of its own; where both are read they have to agree."""
    block = "reward.custom_reward_function.reward_kwargs"
    given = s.get(block, {})
    try:
        function = Options.from_mapping(given, block)
        function.refuse(TRAINING_OPTIONS, f"{block} holds options of rewards only: set it under algorithm.s2r")
    except ConfigError as error:
        yield str(error)
        return
    if s.credits:
        method = resolve_method(function)
        for name, a, b in (
            ("method", (method.outcome, method.grammar), (s.method.outcome, s.method.grammar)),
            ("checker", function.checker, s.options.checker),
            ("policy", function.policy, s.options.policy),
            ("judge", function.judge, s.options.judge),
            ("timeouts", function.timeouts, s.options.timeouts),
        ):
            if a != b:
                yield (
                    f"{block}.{name}={getattr(function, name)} computes other rewards than algorithm.s2r."
                    f"{name}={getattr(s.options, name)} says; set both alike"
                )


def estimator_reads_all(s: Setup) -> Iterator[str]:
    """What verl's estimators read of ``algorithm`` and S²R's do not."""
    if not s.credits:
        return
    named = f"{ESTIMATOR_KEY}={s.estimator}"
    if s.on("algorithm.use_kl_in_reward"):
        yield KL_IN_REWARD
    for key in ("gamma", "lam"):
        if s.number(f"algorithm.{key}", 1.0) != 1.0:
            yield f"algorithm.{key}={s.get(f'algorithm.{key}')} is not read by {named}, which discounts nothing; set it to 1.0"
    if s.on("algorithm.use_pf_ppo"):
        yield f"algorithm.use_pf_ppo=True is not read by {named}; set it to False"
    if s.on("critic.enable"):
        yield f"critic.enable=True trains a critic that {named} never asks; unset it"
    level = CREDIT.get(s.estimator)
    if level not in (None, s.method.level):
        yield (
            f"{named} needs a method of the level {level}; algorithm.s2r.method={s.method.name} is of the "
            f"level {s.method.level}. Set {ESTIMATOR_KEY}=s2r, which takes any, or another method: s2r-prl "
            "(level process), s2r-orl (level outcome)"
        )


def options_are_read(s: Setup) -> Iterator[str]:
    """Options of S²R that would change nothing."""
    block: Mapping[str, Any] = s.get("algorithm.s2r", {})
    given = [name for name in s.options.given() if block.get(name) is not None]
    if "rollouts" in given:
        yield (
            f"algorithm.s2r.rollouts={s.options.rollouts}: verl writes its rollouts itself; set "
            "trainer.rollout_data_dir=FOLDER, which `s2r report FOLDER` reads"
        )
    if not (s.ours or s.users):
        for name in block:
            yield (
                f"algorithm.s2r.{name}={block.get(name)} is read by nothing here: set {MANAGER_KEY}={MANAGER}, or give "
                "options of the reward function as reward.custom_reward_function.reward_kwargs"
            )
        return
    if s.estimator not in CREDIT:
        why = "replays stored advantages" if s.estimator == DENSE else "is verl's own"
        for name in given:
            if name in _BASELINES or (name == "beta" and s.estimator != DENSE):
                yield (
                    f"algorithm.s2r.{name}={block.get(name)} is not read by {ESTIMATOR_KEY}={s.estimator}, which {why}; "
                    f"set {ESTIMATOR_KEY}=s2r, or unset it"
                )
    if not s.credits:
        for name in ("method", "rewards"):
            if block.get(name) is not None and s.method.level == "process":
                yield (
                    f"algorithm.s2r.{name}={block.get(name)} rewards every action, and {ESTIMATOR_KEY}={s.estimator} sees "
                    f"the reward of the whole response only; set {ESTIMATOR_KEY}=s2r, or algorithm.s2r.method=s2r-orl"
                )
    for name in LOSS_OPTIONS:
        if name in given and s.loss != LOSS:
            yield (
                f"algorithm.s2r.{name}={block.get(name)} is not read by {LOSS_KEY}={s.loss}; set {LOSS_KEY}={LOSS}, or "
                f"unset {name}"
            )
    if "alarms" in given and s.trainer not in TRAINERS and s.users:
        yield f"algorithm.s2r.alarms={s.options.alarms} is read by S2R's trainers only; set trainer.v1.trainer_mode=s2r_sync"


def filter_knows_its_metric(s: Setup) -> Iterator[str]:
    """DAPO's filter drops a group whose rewards are equal, by a number that the rewards have to report."""
    if not s.on("algorithm.filter_groups.enable") or not (s.ours or s.function):
        return
    metric = s.get("algorithm.filter_groups.metric", "reward")
    known = ("reward", "acc") if s.ours else ("reward", "acc", "score")
    if metric not in known:
        yield (
            f"algorithm.filter_groups.metric={metric} is not reported by S2R's rewards; set it to acc (1 for a right "
            "response, else 0) or reward (the outcome)"
        )


RULES: tuple[Rule, ...] = (
    rewards_are_ours,
    manager_reads_all,
    estimator_reads_all,
    options_are_read,
    filter_knows_its_metric,
)
