"""Rules about the course of training: trainers, agent loops, offline replay, asynchronous modes."""

from __future__ import annotations

from collections.abc import Iterator

from s2r_verl.checks.setup import (
    AGENT_LOOPS,
    CONVERSATION,
    CREDIT,
    DENSE,
    ESTIMATOR_KEY,
    LOOP_KEY,
    LOSS,
    LOSS_KEY,
    MANAGER,
    MANAGER_KEY,
    REPLAY,
    TRAINER,
    TRAINER_KEY,
    TRAINERS,
    Rule,
    Setup,
)

_ROLLOUT = "actor_rollout_ref.rollout"


def names_exist(s: Setup) -> Iterator[str]:
    """A slip of the pen in a name of S²R's."""
    for key, value, known in (
        (ESTIMATOR_KEY, s.estimator, (*CREDIT, DENSE)),
        (LOOP_KEY, s.loop, AGENT_LOOPS),
        (LOSS_KEY, s.loss, (LOSS,)),
        (TRAINER_KEY, s.trainer, tuple(TRAINERS)),
        (MANAGER_KEY, s.manager, (MANAGER,)),
    ):
        if value.startswith("s2r") and value not in known:
            yield f"{key}={value} does not exist; expected one of {', '.join(known)}"


def trainer_is_ours(s: Setup) -> Iterator[str]:
    """Who keeps the records at hand, sets the loss and logs; in verl's current trainers only."""
    if s.get("async_training") is not None:
        yield (
            "async_training: verl.experimental.fully_async_policy puts one reward on the last token and never shows S2R "
            "its actions; run verl.trainer.main_ppo with trainer.v1.trainer_mode=s2r_separate_async instead"
        )
    elif s.get("rollout.nnodes") is not None:
        yield (
            f"rollout.nnodes={s.get('rollout.nnodes')}: verl.experimental.one_step_off_policy puts one reward on the last "
            "token and never shows S2R its actions; run verl.trainer.main_ppo with "
            "trainer.v1.trainer_mode=s2r_separate_async instead"
        )
    if not s.on("trainer.use_v1") and s.get("trainer.use_v1") is not None:
        yield "trainer.use_v1=False selects verl's legacy trainer; s2r_verl works with trainer.use_v1=True"
    ours = next((name for name, theirs in TRAINERS.items() if theirs == s.trainer), TRAINER)
    beta = s.options.beta > 0
    users = (
        (s.credits, f"{ESTIMATOR_KEY}={s.estimator}"),
        (s.loss == LOSS, f"{LOSS_KEY}={LOSS}"),
        (beta, f"algorithm.s2r.beta={s.options.beta}"),
    )
    for used, name in users:
        if used and s.trainer not in TRAINERS:
            yield f"{name} needs {TRAINER_KEY}={ours} (found {s.trainer!r})"
    if beta and not s.on("actor_rollout_ref.actor.use_kl_loss"):
        yield (
            f"algorithm.s2r.beta={s.options.beta} needs the reference model: set actor_rollout_ref.actor.use_kl_loss=True, "
            "with actor_rollout_ref.actor.kl_loss_coef=0 unless you want a KL loss besides"
        )


def loop_shows_its_actions(s: Setup) -> Iterator[str]:
    if s.estimator in CREDIT and s.method.level == "process" and s.loop not in ("s2r_agent", CONVERSATION):
        yield (
            f"{ESTIMATOR_KEY}={s.estimator} needs the boundaries of actions, which agent loop {s.loop!r} does not write. "
            f"Set {LOOP_KEY}=s2r_agent"
        )
    if s.options.conversation is not None and s.loop != CONVERSATION:
        yield (
            f"algorithm.s2r.conversation={s.options.conversation} is held by agent loop {CONVERSATION} only: "
            f"set {LOOP_KEY}={CONVERSATION} (found {s.loop!r})"
        )
    if s.loop not in AGENT_LOOPS:
        return
    manager = s.get(f"{_ROLLOUT}.agent.agent_loop_manager_class")
    if manager is not None:
        yield f"{_ROLLOUT}.agent.agent_loop_manager_class={manager} may store other things than {LOOP_KEY}={s.loop} says; unset it"
    if s.on(f"{_ROLLOUT}.multi_turn.enable"):
        yield f"{_ROLLOUT}.multi_turn.enable=True: {LOOP_KEY}={s.loop} asks for its turns itself and calls no tool; set it to False"
    for key in (
        f"{_ROLLOUT}.multi_turn.tool_config_path",
        f"{_ROLLOUT}.multi_turn.function_tool_path",
        "data.tool_config_path",
    ):
        if s.get(key) is not None:
            yield f"{key}={s.get(key)}: {LOOP_KEY}={s.loop} calls no tool; unset it"
            break


def replay_is_whole(s: Setup) -> Iterator[str]:
    """Offline RL: stored responses, their stored advantages, once each."""
    if s.estimator == DENSE and s.loop != REPLAY:
        yield f"{ESTIMATOR_KEY}={DENSE} replays stored advantages; set {LOOP_KEY}={REPLAY} (found {s.loop!r})"
    if s.loop != REPLAY:
        return
    if s.estimator != DENSE:
        yield (
            f"{LOOP_KEY}={REPLAY} replays responses with their stored advantages, which {ESTIMATOR_KEY}={s.estimator} "
            f"does not read; set {ESTIMATOR_KEY}={DENSE}"
        )
    if s.number(f"{_ROLLOUT}.n", 1) != 1:
        yield f"{_ROLLOUT}.n={s.get(f'{_ROLLOUT}.n')} trains every stored response as many times; set it to 1"
    if s.on(f"{_ROLLOUT}.calculate_log_probs"):
        yield f"{_ROLLOUT}.calculate_log_probs=True asks for log-probabilities that {LOOP_KEY}={REPLAY} does not have; set it to False"
    if s.on("algorithm.filter_groups.enable"):
        yield f"algorithm.filter_groups.enable=True drops groups of equal rewards, and every group of {LOOP_KEY}={REPLAY} is one response; set it to False"
    if s.trainer in TRAINERS and s.trainer != TRAINER:
        yield f"{TRAINER_KEY}={s.trainer}: {LOOP_KEY}={REPLAY} generates nothing that could run ahead; set it to {TRAINER}"


RULES: tuple[Rule, ...] = (names_exist, trainer_is_ours, loop_shows_its_actions, replay_is_whole)
