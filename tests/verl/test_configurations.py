"""Stock configurations of verl with our lines added: each works as its keys say, or is refused with the way out.

Every case goes three ways: as verl composes it, as a launch script that `s2r doctor --config` reads, and through the guard
that stands before every one of verl's trainers.
"""

import copy
import json
import shlex
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from s2r_rewards.adapter import ConfigError
from s2r_rewards.cli.doctor import check_config
from s2r_verl import guard
from s2r_verl.checks import config_problems
from s2r_verl.checks.setup import uses_s2r

TABLE = json.loads((Path(__file__).parent / "configurations.json").read_text())
CASES = [pytest.param(case, id=case["name"]) for case in TABLE["cases"]]


def overrides(case):
    """Ours and the case's go before the base's, as a person edits a script."""
    chosen = {}
    for word in (*TABLE["bases"][case["base"]], *TABLE["lines"][case["ours"]], *case["more"]):
        chosen[word.partition("=")[0].lstrip("+")] = word
    return list(chosen.values())


@pytest.fixture(scope="module")
def composed():
    """Each case as Hydra makes it of verl's defaults: composed once, then overridden by its own parser."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        no_data = ["data.train_files=[]", "data.val_files=[]"]
        defaults = compose("ppo_trainer", overrides=["actor_rollout_ref.rollout.name=vllm", *no_data])
    return {case["name"]: overridden(defaults, overrides(case)) for case in TABLE["cases"]}


@cache  # the grammar is slow, and most words stand in many cases
def parsed(word):
    return OverridesParser.create().parse_override(word)


def overridden(defaults, words):
    config = copy.deepcopy(defaults)
    for change in map(parsed, words):
        if not change.is_add() and OmegaConf.select(config, change.key_or_group, default="absent") == "absent":
            raise AssertionError(f"verl does not know {change.key_or_group}")
        OmegaConf.update(config, change.key_or_group, change.value(), force_add=True)
    return config


def test_the_table_is_large_enough():
    names = [case["name"] for case in TABLE["cases"]]
    assert len(names) == len(set(names)) >= 40
    assert min(sum(case["verdict"] == verdict for case in TABLE["cases"]) for verdict in ("works", "refused")) >= 20


@pytest.mark.parametrize("case", CASES)
def test_as_verl_composes_it(case, composed):
    judge(case, config_problems(composed[case["name"]]))


@pytest.mark.parametrize("case", CASES)
def test_as_a_launch_script(case, tmp_path):
    script = tmp_path / "train.sh"
    lines = " \\\n    ".join(shlex.quote(word) for word in overrides(case))
    script.write_text(f"set -x\npython3 -m verl.trainer.main_ppo \\\n    {lines} $@\n")
    judge(case, [finding.way_out for finding in check_config(script) if finding.level == "problem"])


@pytest.mark.parametrize("case", CASES)
def test_before_any_trainer(case, composed):
    config = OmegaConf.to_container(composed[case["name"]], resolve=False)
    if case["verdict"] == "works" or not uses_s2r(config):
        guard.refuse(composed[case["name"]])
        return
    with pytest.raises(ConfigError) as error:
        guard.refuse(composed[case["name"]])
    assert case["why"].replace("'", "") in str(error.value).replace("'", "")


def judge(case, problems):
    if case["verdict"] == "works":
        assert problems == []
        return
    assert problems
    assert case["why"].replace("'", "") in " ".join(problems).replace("'", "")
    assert all("\n" not in problem for problem in problems)
