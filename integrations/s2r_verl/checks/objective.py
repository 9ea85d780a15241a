"""Rules about the loss: what verl's policy losses read of ``actor`` and the action-level loss has to read too."""

from __future__ import annotations

from collections.abc import Iterator

from s2r_verl.checks.setup import AGENT_LOOPS, LOOP_KEY, LOSS, LOSS_KEY, TRAINERS, Rule, Setup

_ACTOR = "actor_rollout_ref.actor"
#: Settings of verl's other losses, with their defaults.
_OTHERS = {
    "policy_loss.clip_cov_ratio": 0.0002,
    "policy_loss.clip_cov_lb": 1.0,
    "policy_loss.clip_cov_ub": 5.0,
    "policy_loss.kl_cov_ratio": 0.0002,
    "policy_loss.ppo_kl_coef": 0.1,
    "policy_loss.dro_beta": None,
    "tau_pos": 1.0,
    "tau_neg": 1.05,
}
_CLIP, _DUAL = 0.2, 3.0


def loss_has_its_actions(s: Setup) -> Iterator[str]:
    if s.loss == LOSS and s.loop not in AGENT_LOOPS:
        yield (
            f"{LOSS_KEY}={LOSS} needs the boundaries of actions: set {LOOP_KEY} to one of {', '.join(AGENT_LOOPS)} "
            f"(found {s.loop!r})"
        )


def loss_reads_all(s: Setup) -> Iterator[str]:
    """Clips, and the settings of losses that are not the one which runs."""
    if s.loss != LOSS:
        return
    plain = s.get(f"{_ACTOR}.clip_ratio", _CLIP)
    names = [f"clip_ratio_{side}" for side in ("low", "high")]
    given = s.get(_ACTOR, {})
    sides = [s.get(f"{_ACTOR}.{name}", plain if name in given else _CLIP) for name in names]  # null: clip_ratio
    if plain not in (_CLIP, *sides):
        yield (
            f"{_ACTOR}.clip_ratio={plain} is not read while clip_ratio_low={sides[0]} and clip_ratio_high={sides[1]} "
            "are set, as in verl's own loss; set these two to what you want, or to null"
        )
    if s.method.clip is not None and sides != [_CLIP, _CLIP] and tuple(sides) != tuple(s.method.clip):
        yield (
            f"{_ACTOR}.clip_ratio_low={sides[0]}, clip_ratio_high={sides[1]}: algorithm.s2r.method={s.method.name} clips "
            f"at {s.method.clip}; leave verl's at {_CLIP}, or set them to the method's"
        )
    lowest, own = s.get(f"{_ACTOR}.clip_ratio_c", _DUAL), s.method.loss_options
    if lowest != _DUAL and (own.get("objective", "clip") != "clip" or own.get("dual_clip") not in (None, lowest)):
        yield (
            f"{_ACTOR}.clip_ratio_c={lowest}: algorithm.s2r.method={s.method.name} has no use for it or a bound of its "
            f"own; leave verl's at {_DUAL}"
        )
    mode = s.get(f"{_ACTOR}.loss_agg_mode", "token-mean")
    if mode != "token-mean" and (own.get("average", "actions") != "actions" or own.get("divisor") is not None):
        yield (
            f"{_ACTOR}.loss_agg_mode={mode}: algorithm.s2r.method={s.method.name} has an average of its own; leave verl's "
            "at token-mean"
        )
    for key, default in _OTHERS.items():
        value = s.get(f"{_ACTOR}.{key}", default)
        if value != default:
            yield f"{_ACTOR}.{key}={value} belongs to another loss than {LOSS_KEY}={LOSS}; unset it (default {default})"


def rollout_correction_is_applied(s: Setup) -> Iterator[str]:
    """In bypass mode verl leaves weights and rejection to its own loss of that name."""
    block = "algorithm.rollout_correction"
    if s.loss != LOSS or not s.on(f"{block}.bypass_mode"):
        return
    for key in ("rollout_is", "rollout_rs"):
        if s.get(f"{block}.{key}") is not None:
            yield (
                f"{block}.{key}={s.get(f'{block}.{key}')} is applied only by verl's loss bypass_mode while "
                f"{block}.bypass_mode=True; set bypass_mode=False, or {key}=null: with {LOSS_KEY}={LOSS} the action's "
                "ratio is then that to the rollout policy"
            )
    if s.get(f"{block}.loss_type", "ppo_clip") != "ppo_clip":
        yield (
            f"{block}.loss_type={s.get(f'{block}.loss_type')} belongs to verl's loss bypass_mode; set it to ppo_clip, or "
            f"{LOSS_KEY}=bypass_mode"
        )


def distillation_keeps_the_signal(s: Setup) -> Iterator[str]:
    if not s.on("distillation.enabled") or not (s.credits or s.loss == LOSS):
        return
    key = "distillation.distillation_loss.use_task_rewards"
    if not (s.get(key) is None or s.on(key)):
        yield f"{key}=False drops the policy loss, and S2R's advantages with it; set it to True"
    if s.trainer not in TRAINERS:  # ours puts its loss under the distillation loss; others would lose either
        yield f"distillation.enabled=True with S2R's advantages needs trainer.v1.trainer_mode=s2r_sync (found {s.trainer!r})"


RULES: tuple[Rule, ...] = (
    loss_has_its_actions,
    loss_reads_all,
    rollout_correction_is_applied,
    distillation_keeps_the_signal,
)
