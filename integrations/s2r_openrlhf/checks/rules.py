"""What is wrong with a command line, found before a GPU is taken: each problem one line with flag, value and way out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from s2r_openrlhf import AGENT_FILE
from s2r_openrlhf.checks.contract import counts_whole_steps
from s2r_openrlhf.checks.flags import Flags
from s2r_openrlhf.options import Options, is_openrlhfs_own, uses_own_loss
from s2r_rewards.adapter import LOSS_OPTIONS, resolve_checker, resolve_method
from s2r_rewards.adapter.chat import lacks_template
from s2r_rewards.adapter.machine import installed
from s2r_rewards.adapter.options import kind_of
from s2r_rewards.adapter.replay import check_file
from s2r_rewards.answers.labels import TOLERATED, told, ungradable
from s2r_rewards.methods import Method
from s2r_rewards.rollouts.records import RecordError, read_records

logger = logging.getLogger(__name__)
#: Flags that change rewards or advantages between OpenRLHF's reward and its loss, where our advantages come in: what
#: each does, and the value with which it does nothing.
SHAPING = {
    "reward.clip_range": ("bounds OpenRLHF's own advantage", [-10, 10]),
    "reward.normalize_enable": ("normalises OpenRLHF's own reward", False),
    "algo.advantage.gamma": ("discounts over tokens", 1),
    "algo.advantage.lambd": ("is for a critic", 1),
    "algo.advantage.no_std_norm": ("is part of another estimator", False),
}
OF_THE_SERVER = ("grammar", "checker", "policy", "judge", "timeouts", "workers", "max_chars")
PENALTIES = ("reward.overlong_buffer_len", "reward.stop_properly_penalty_coef")
READABLE = (".jsonl", ".parquet")


def problems(flags: Flags, options: Options) -> list[str]:
    """Everything in a command line of ``s2r_openrlhf.train_ppo_ray`` that would train on something else than it says."""
    method = resolve_method(options)
    return [
        *_executor(flags, options, method),
        *_advantages(flags, options, method),
        *_objective(flags, options, method),
        *_sizes(flags),
        *_data(flags),
        *_template(flags),
    ]


def _say(name: str, value: Any, why: str) -> str:
    shown = "" if value is True else f" {' '.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
    return f"--{name}{shown}: {why}"


def _template(flags: Flags) -> Iterator[str]:
    """A model on this machine without a chat template, where prompts are to be written by it."""
    start = str(flags.get("actor.model_name_or_path") or "")
    if flags.get("data.apply_chat_template") and start and lacks_template(Path(start)):
        why = "the model's tokenizer has no chat template; choose an instruct model, or add a chat_template.jinja"
        yield _say("data.apply_chat_template", True, f"{start}: {why}")


def _executor(flags: Flags, options: Options, method: Method) -> Iterator[str]:
    """Who generates and rewards."""
    agent, url = flags.given.get("train.agent_func_path"), flags.given.get("reward.remote_url")
    if options.offline:
        for name in ("train.agent_func_path", "reward.remote_url"):
            if flags.given.get(name) not in (None, str(AGENT_FILE)):
                yield _say(name, flags.given[name], "--s2r.offline brings its own executor; drop it")
        for name in ("algo.advantage.is_correction_level", "algo.advantage.is_correction_enable"):
            if flags.given.get(name) not in (None, "off"):
                why = "stored rollouts have no log-probabilities of their policy (--s2r.offline); drop it"
                yield _say(name, flags.given[name], why)
        if flags.get("rollout.n_samples_per_prompt") != 1:
            why = "--s2r.offline replays each stored rollout once; set it to 1"
            yield _say("rollout.n_samples_per_prompt", flags.get("rollout.n_samples_per_prompt"), why)
        if flags.given.get("algo.dynamic_filtering_enable"):
            why = "--s2r.offline has one rollout a row, which has no spread to filter by; drop it"
            yield _say("algo.dynamic_filtering_enable", True, why)
    elif agent and agent != str(AGENT_FILE) and not _is_ours(agent):
        why = (
            f"its executor does not use s2r_openrlhf, so that {method.name} would find no scored actions; leave the flag "
            "out, or derive your AgentExecutor from s2r_openrlhf.agent.AgentExecutor"
        )
        yield _say("train.agent_func_path", agent, why)
    elif url and not is_openrlhfs_own(method):
        why = f"it gives one reward a response; drop it for --s2r.method {method.name}, or choose --s2r.method s2r-orl"
        yield _say("reward.remote_url", url, why)
    if options.server:
        for name in OF_THE_SERVER:
            if name in options.given():
                yield f"--s2r.{name} {getattr(options, name)}: the server decides that; give it to `s2r serve` instead"
    elif options.token_file:
        yield f"--s2r.token_file {options.token_file}: it is for a server; add --reward.remote_url http://…, or drop it"
    if "reward.model_name_or_path" in flags.given:
        why = "the reward model would never be asked, since golden answers decide; drop it"
        yield _say("reward.model_name_or_path", flags.given["reward.model_name_or_path"], why)
    if not flags.get("vllm.num_engines"):
        yield _say("vllm.num_engines", flags.get("vllm.num_engines"), "rollouts come from vLLM; set it to 1 or more")


def _is_ours(agent: str) -> bool:
    """Whether an executor's file refers to ours; what cannot be read is OpenRLHF's to report."""
    try:
        return "s2r_openrlhf" in Path(agent).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True


def _advantages(flags: Flags, options: Options, method: Method) -> Iterator[str]:
    """Flags between reward and advantage."""
    estimator = flags.get("algo.advantage.estimator")
    samples = flags.get("rollout.n_samples_per_prompt")
    own = is_openrlhfs_own(method) and not options.offline
    fitting = ("rloo",) if own or samples > 1 else ("reinforce", "flash_reinforce")
    if estimator not in fitting:
        found = "OpenRLHF's default, which trains a critic as well" if estimator == "gae" else "it would not be used"
        if own:
            found = f"{method.name} is RLOO over the samples of a prompt"
        way = "--rollout.n_samples_per_prompt 2 or more and " if own and samples < 2 else ""
        yield _say("algo.advantage.estimator", estimator, f"{found}; set {way}--algo.advantage.estimator {fitting[0]}")
    ours = not own or uses_own_loss(options)
    for name, (what, nothing) in SHAPING.items():
        if flags.given.get(name, nothing) != nothing and (ours or name != "reward.clip_range"):
            yield _say(name, flags.given[name], f"it {what}, which {method.name} does not use; drop it")
    for name in PENALTIES:
        if flags.get(name) is not None and (method.level == "process" or options.offline):
            why = f"it changes the reward of a response, and {method.name} rewards actions; drop it" + (
                "" if options.offline else ", or choose --s2r.method s2r-orl"
            )
            yield _say(name, flags.get(name), why)
    estimates = flags.get("algo.kl.estimator")
    inside = flags.get("algo.kl.init_coef", 0) > 0 and not flags.get("algo.kl.use_loss")
    if ours and inside and estimates not in (None, "k1"):
        why = "the KL term of an advantage is β times the log-ratio; set k1, or add --algo.kl.use_loss"
        yield _say("algo.kl.estimator", estimates, why)


def _objective(flags: Flags, options: Options, method: Method) -> Iterator[str]:
    """Flags of OpenRLHF's policy loss."""
    if not uses_own_loss(options):
        for name in LOSS_OPTIONS:
            if getattr(options, name) is not None:
                yield f"--s2r.{name} {getattr(options, name)}: OpenRLHF's own loss has no such choice; drop --s2r.loss"
        return
    if not counts_whole_steps():
        yield (
            f"--s2r.loss method: openrlhf {installed('openrlhf')} does not tell its loss the size of a step, so that one "
            f"ratio an action (the ratio of {method.name}) would depend on micro-batches; install openrlhf>=0.11, or add "
            "--s2r.loss openrlhf"
        )
    way = "drop it, or add --s2r.loss openrlhf for OpenRLHF's own loss"
    for name in ("actor.policy_loss_type", "actor.loss_agg_mode"):
        if name in flags.given:
            why = f"{method.name} has its own ratio ({method.ratio}) and average; {way}"
            yield _say(name, flags.given[name], why)


def _sizes(flags: Flags) -> Iterator[str]:
    """Batches that would lose samples."""
    rollouts = flags.get("rollout.batch_size") * flags.get("rollout.n_samples_per_prompt")
    batch, micro = flags.get("train.batch_size"), flags.get("train.micro_batch_size")
    if rollouts % batch:
        yield (
            f"--train.batch_size {batch}: {rollouts} responses a step (--rollout.batch_size × n_samples_per_prompt) are "
            f"no multiple of it, and OpenRLHF makes no update with the rest; set a divisor of {rollouts}"
        )
    ranks = flags.get("actor.num_nodes") * flags.get("actor.num_gpus_per_node")
    ranks //= flags.get("ds.ring_attn_size", 1) * flags.get("ds.tensor_parallel_size", 1) or 1
    if not flags.get("train.dynamic_batch_enable") and batch % max(micro * ranks, 1):
        yield (
            f"--train.micro_batch_size {micro}: on {ranks} data-parallel ranks --train.batch_size {batch} is no multiple "
            f"of {micro} × {ranks}; change one of them"
        )


def _data(flags: Flags) -> Iterator[str]:
    """Columns that have to be named."""
    if not flags.get("data.prompt_dataset"):
        yield "--data.prompt_dataset: missing; `s2r data rl … --openrlhf FILE` writes one"
    if not flags.get("data.label_key"):
        yield "--data.label_key: missing, so that every golden answer would be empty; name the column, e.g. label"


def data_files(flags: Flags) -> list[tuple[str, Path]]:
    """(flag, file) for all data that lies in files which can be looked into; not so the hub's data sets."""
    names = ("data.prompt_dataset", "eval.dataset")
    listed = ((name, path.strip()) for name in names for path in str(flags.get(name) or "").split(","))
    return [(name, Path(path)) for name, path in listed if path and Path(path).suffix in READABLE]


def data_problems(flags: Flags, options: Options, must_exist: bool = True) -> list[str]:
    """What is wrong with the rows of the data files."""
    files = [(name, path) for name, path in data_files(flags) if must_exist or path.is_file()]
    return [problem for name, path in files for problem in _rows(name, path, flags, options)]


def _rows(name: str, path: Path, flags: Flags, options: Options) -> Iterator[str]:
    label = flags.get("data.label_key")
    if not path.is_file():
        yield _say(name, path, "no such file; `s2r data rl … --openrlhf FILE` writes one")
        return
    lines: list[int] = []
    labels: list[Any] = []
    try:
        if options.offline and name == "data.prompt_dataset":
            check_file(path, resolve_method(options).level, label)
            return
        for line, record in read_records(path):
            for key in ("data.input_key", "data.label_key"):
                if flags.get(key) not in record:
                    why = f"{path}:{line} has no such column; found {', '.join(record)}"
                    yield _say(key, flags.get(key), why)
                    return
            lines.append(line)
            labels.append(record[label])
    except (RecordError, ImportError) as error:
        yield _say(name, path, str(error))
        return
    if not labels:
        yield _say(name, path, "the file holds no row")
        return
    checker = resolve_checker(options) if options.policy and not options.checker else None
    bad = [(lines[row - 1], why) for row, why in ungradable(labels, checker, kind_of(options))]
    if not bad:
        return
    said = told(bad, len(labels), f"column {label}")
    allowed = TOLERATED if options.bad_golds == "refuse" else 1.0
    if len(bad) >= allowed * len(labels):
        way = "mend or drop the rows" + (
            "" if allowed == 1 else ", or let them count as wrong with --s2r.bad_golds count"
        )
        yield _say(name, path, f"{said}; {way}")
    else:
        logger.warning("%s; responses to them earn the failing reward, and are counted", _say(name, path, said))
