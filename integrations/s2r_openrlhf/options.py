"""The ``--s2r.*`` options: read from a command line, carried to Ray actors in one environment variable."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from s2r_openrlhf import AGENT_FILE, REWARD_FILE
from s2r_rewards import adapter
from s2r_rewards.adapter import LOSS_OPTIONS, ConfigError, resolve_method
from s2r_rewards.adapter.options import option
from s2r_rewards.baselines import BASELINES, rloo
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.methods import METHODS, Method
from s2r_rewards.server.client import RewardClient

ENVIRONMENT = "S2R_OPENRLHF"
LOSSES = ("method", "openrlhf")
#: Fields of a method that only the library's loss knows.
OF_THE_LOSS = ("ratio", "objective", "average", "divisor", "dual_clip")
BAD_GOLDS = ("refuse", "count")
#: What has no option here, and what does its work.
ELSEWHERE = {
    "level": "it is part of the method: --s2r.method s2r-prl (process) or s2r-orl (outcome)",
    "preset": "presets are methods: --s2r.method released-prl or released-orl for the authors' code",
    "beta": "use OpenRLHF's own --algo.kl.init_coef",
}
#: What stored rollouts hold already.
STORED = (
    "rewards", "baseline", "groups", "running", "leave_one_out", "min_count", "grammar", "checker", "policy",
    "judge", "timeouts", "conversation",
)  # fmt: skip


@dataclass(frozen=True)
class Options(adapter.Options):
    """The options that every trainer shares, and the one that only OpenRLHF needs."""

    offline: bool = option(False, "Replay stored rollouts (rows of `s2r data offline --openrlhf`) instead of sampling.")
    loss: str | None = option(
        None,
        "``method``: the method's own ratio and average (Eq. 6: one ratio an action). ``openrlhf``: OpenRLHF's policy "
        "loss. Default: ``method`` at the process level, or where method or options name another ratio; else "
        "``openrlhf``.",
    )
    server: str | None = option(
        None, "Addresses of `s2r serve` that reward; what --reward.remote_url http://… becomes."
    )
    token_file: str | None = option(None, "The file with the token of `s2r serve`; it has to be there on every node.")
    bad_golds: str = option(
        "refuse",
        "A tenth or more of the golden answers of a local file that cannot be graded: ``refuse`` to start, or ``count`` "
        "them as wrong.",
    )

    def check(self) -> None:
        """As for every trainer; refuses what OpenRLHF would not use."""
        super().check()
        self.refuse(["beta"], ELSEWHERE["beta"])
        for name, known in (("loss", LOSSES), ("bad_golds", BAD_GOLDS)):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise ConfigError(f"{name} is {value!r}; expected one of {', '.join(known)}")
        if self.server:
            RewardClient.of(self.server, self.token_file)
        if self.offline:
            self.refuse(STORED, "with offline, the stored rollouts bring it; drop it")

    def to_environment(self) -> dict[str, str]:
        return {ENVIRONMENT: json.dumps(self.given())}

    @classmethod
    def from_environment(cls) -> Options:
        """What the entry point left in the environment; without it the defaults.

        Raises:
            ConfigError: the variable holds something else, naming the field.
        """
        text = os.environ.get(ENVIRONMENT, "{}")
        try:
            return cls.from_mapping(json.loads(text), ENVIRONMENT)
        except json.JSONDecodeError:
            expected = 'expected a JSON object such as {"method": "s2r-prl"}'
            raise ConfigError(f"{ENVIRONMENT}={text!r}: {expected}") from None


def is_openrlhfs_own(method: Method) -> bool:
    """Whether the method's advantages are RLOO over a prompt's samples, which OpenRLHF computes by itself."""
    plain = not (method.adjust or method.scale or method.overlong or method.running)
    return plain and (method.level, method.groups, method.baseline) == ("outcome", "prompt", rloo)


def uses_own_loss(options: Options) -> bool:
    """Whether the policy is trained with the method's loss (:class:`s2r_openrlhf.policy.loss.ActionLoss`)."""
    if options.loss is not None:
        return options.loss == "method"
    method = resolve_method(options)
    theirs = all(getattr(method, name) == getattr(Method, name) for name in OF_THE_LOSS)
    asked = any(getattr(options, name) is not None for name in LOSS_OPTIONS)
    return method.level == "process" or asked or not theirs


def build_parser() -> argparse.ArgumentParser:
    """One option for each field, under its name."""
    parser = argparse.ArgumentParser(
        prog="python -m s2r_openrlhf.train_ppo_ray",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
        description="OpenRLHF's train_ppo_ray with S²R rewards. Takes every option of OpenRLHF, and these:",
        epilog="""example (process-level RL, one node):
  python -m s2r_openrlhf.train_ppo_ray --s2r.method s2r-prl \\
      --actor.model_name_or_path ./sft --data.prompt_dataset prompts.jsonl \\
      --data.input_key input --data.label_key label --data.apply_chat_template \\
      --algo.advantage.estimator rloo --rollout.n_samples_per_prompt 4 --vllm.num_engines 1

OpenRLHF's own options follow with: python -m openrlhf.cli.train_ppo_ray --help""",
    )
    names: dict[str, Iterable[str]] = {"method": METHODS, "baseline": BASELINES, "grammar": GRAMMARS}
    for field in fields(Options):
        if field.name in ELSEWHERE:
            continue
        flag, default = f"--s2r.{field.name}", field.default
        told = field.metadata["help"].replace("%", "%%").replace("``", "`")
        if known := names.get(field.name):
            told += f" {', '.join(known)}, or package.module:object."
        if str(field.type).startswith("bool"):
            told += "" if default is None else f" [{'yes' if default else 'no'}]"
            parser.add_argument(flag, nargs="?", const=True, type=_yes_or_no, metavar="yes|no", help=told)
        else:
            told += "" if default is None else f" [{default}]"
            kinds = {"int": (int, "N"), "float": (float, "X")}
            reads, shown = kinds.get(str(field.type).partition(" ")[0], (str, "NAME"))
            parser.add_argument(flag, type=reads, metavar=shown, help=told)
    parser.add_argument("-h", "--help", action="store_true", help="show this help")
    return parser


def with_agent(arguments: Sequence[str], options: Options) -> list[str]:
    """OpenRLHF's arguments with our executor, and with the method's clip unless one is given."""
    arguments, method = list(arguments), resolve_method(options)
    if method.clip and not any(a.startswith("--actor.eps_clip") for a in arguments):
        arguments += ["--actor.eps_clip_low_high", *map(str, method.clip)]
    if any(a.partition("=")[0] in ("--train.agent_func_path", "--reward.remote_url") for a in arguments):
        return arguments
    return [*arguments, "--train.agent_func_path", str(AGENT_FILE)]


def with_client(options: Options, arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """``--reward.remote_url http://…`` becomes our own client, which outlives a server: OpenRLHF's gives up after 5 s.

    Raises:
        ValueError: an address or the token's file cannot be used.
    """
    arguments, flag = list(arguments), "--reward.remote_url"
    for i, word in enumerate(arguments):
        name, _, value = word.partition("=")
        at = i + 1 if name == flag and not value else i
        url = arguments[at] if name == flag and at < len(arguments) else ""
        url = url.removeprefix(flag + "=")
        if url.startswith(("http://", "https://")):
            options = replace(options, server=url)
            options.check()
            arguments[at] = str(REWARD_FILE) if at > i else f"{flag}={REWARD_FILE}"
    return options, arguments


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("yes", "true", "1", "no", "false", "0"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected yes or no")
    return text.lower() in ("yes", "true", "1")


def read_options(arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """(our options, the rest for OpenRLHF). ConfigError names the first that cannot be used."""
    known, rest = build_parser().parse_known_args(list(arguments))
    for mistyped in (a.partition("=")[0] for a in rest if a.startswith("--s2r.")):
        way = ELSEWHERE.get(mistyped.removeprefix("--s2r."), "see --help")
        raise ConfigError(f"unknown option {mistyped}; {way}")
    vars(known).pop("help")
    given = {name.removeprefix("s2r."): value for name, value in vars(known).items() if value is not None}
    return Options.from_mapping(given, "--s2r.*"), rest


def split_arguments(argv: Sequence[str]) -> tuple[Options, list[str], bool]:
    """(our options, the rest for OpenRLHF, whether help was asked for); what cannot be used ends the process."""
    parser = build_parser()
    if vars(parser.parse_known_args(list(argv))[0])["help"]:
        return Options(), [], True
    try:
        return *read_options(argv), False
    except ConfigError as error:
        parser.error(str(error))
