"""s2r doctor on described machines, on this one, and on configurations."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from s2r_rewards.adapter.machine import Machine
from s2r_rewards.cli.doctor import all_checks, check_config, command
from s2r_verl.doctor import LEGACY_OVERRIDE

GOOD = Machine(
    python=(3, 11),
    versions=dict.fromkeys(
        ("torch", "flash-attn", "transferqueue", "cachetools", "fastapi", "uvicorn", "wrapt", "vllm", "hydra-core"),
        "1.0",
    )
    | {"verl": "0.9.1", "antlr4-python3-runtime": "4.9.3"},
    plugins=("s2r",),
    gpus=("H200",),
)


def findings(machine):
    return [finding for check in all_checks() for finding in check(machine)]


def problems(machine):
    return {f.what: f.way_out for f in findings(machine) if f.level == "problem"}


def without(name):
    return replace(GOOD, versions={k: v for k, v in GOOD.versions.items() if k != name})


def having(**versions):
    return replace(GOOD, versions={**GOOD.versions, **{k.replace("_", "-"): v for k, v in versions.items()}})


def test_a_good_machine_has_no_problems():
    assert problems(GOOD) == {}
    assert not [f for f in findings(GOOD) if f.level == "warning"]


@pytest.mark.parametrize(
    ("machine", "what", "way_out"),
    [
        (replace(GOOD, python=(3, 9)), "python", "3.10"),
        (replace(GOOD, python=(3, 13)), "python", "below 3.13"),
        (without("torch"), "torch", "install torch"),
        (replace(GOOD, gpus=()), "GPUs", "nvidia-smi"),
        (without("transferqueue"), "TransferQueue", "pip install TransferQueue"),
        (without("flash-attn"), "flash-attn", "--no-build-isolation"),
        (without("cachetools"), "cachetools", "pip install cachetools"),
        (having(verl="0.8.0"), "verl", "verl==0.9.1"),
        (having(openrlhf="0.11.2"), "verl and openrlhf", "one environment for each"),
        (having(antlr4_python3_runtime="4.13.2"), "antlr4-python3-runtime", "4.9.3"),
        (replace(GOOD, plugins=()), "verl.plugins", "pip install s2r-rewards"),
        (replace(GOOD, environ={"VERL_USE_EXTERNAL_PLUGINS": "none"}), "VERL_USE_EXTERNAL_PLUGINS", "unset"),
        (replace(GOOD, requires={"verl": ["numpy>=2"]}), "numpy", "verl needs numpy>=2"),
    ],
)
def test_each_trap_is_found_with_its_way_out(machine, what, way_out):
    assert way_out in problems(machine)[what]


def test_requirements_for_extras_or_other_systems_do_not_count():
    stated = ["vllm>=99; extra == 'vllm'", "pywin32>1; sys_platform == 'win32'", "torch>=0.5"]
    assert problems(replace(GOOD, requires={"verl": stated})) == {}


def test_what_extras_pin_is_compared_with_what_is_here():
    stated = [
        "vllm==0.24.0; extra == 'vllm'",
        "flash-attn==2.8.3; extra == 'flash-attn-cu130torch211'",
        "vllm>=0.29; extra == 'x'",
    ]
    pinned = replace(having(vllm="0.33.0", flash_attn="2.8.3"), requires={"verl": stated})
    (warning,) = [f for f in findings(pinned) if f.level == "warning"]
    assert (warning.what, warning.found) == ("vllm", "0.33.0")
    assert "verl 0.9.1 pins vllm==0.24.0" in warning.way_out
    assert not [
        f
        for f in findings(replace(pinned, versions=having(vllm="0.24.0", flash_attn="2.8.3").versions))
        if f.level != "ok"
    ]


def test_flash_attn_is_a_warning_where_nothing_trains():
    assert "flash-attn" not in problems(replace(without("flash-attn"), gpus=None))


def test_a_requirement_that_builds_against_torch_is_not_built_in_isolation():
    way = problems(replace(without("flash-attn"), requires={"verl": ["flash-attn==2.8.3"]}))["flash-attn"]
    assert "'flash-attn==2.8.3' --no-build-isolation" in way


def test_latex2sympy_is_a_warning():
    assert "antlr" in next(f.way_out for f in findings(having(latex2sympy2="1.5.4")) if f.level == "warning")


def test_legacy_keys_in_a_script(tmp_path):
    script = tmp_path / "train.sh"
    script.write_text(
        "python -m verl.trainer.main_ppo \\\n"
        "  custom_reward_function.path=mine.py reward.custom_reward_function.path=fine.py \\\n"
        "  reward_model.reward_manager=dapo reward.reward_model.enable=False # reward_model.x=1\n"
    )
    found = [f.way_out for f in check_config(script)]
    assert len(found) == 2
    assert "line 2: custom_reward_function.path=mine.py" in found[0]
    assert "line 3: reward_model.reward_manager=dapo" in found[1]
    assert not LEGACY_OVERRIDE.search("reward.custom_reward_function.path=a.py")


def test_legacy_keys_in_yaml(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("custom_reward_function:\n  path: mine.py\nalgorithm:\n  use_kl_in_reward: true\n")
    found = " ".join(f.way_out for f in check_config(path))
    assert "custom_reward_function.path='mine.py'" in found
    assert "use_kl_in_reward" in found
    path.write_text("- a\n")
    assert "expected a mapping" in next(check_config(path)).way_out


def test_this_environment_fits_and_the_exit_code_says_so(tmp_path):
    fine = CliRunner().invoke(command, ["--no-gpu", "--json"])
    assert fine.exit_code == 0, fine.output
    levels = {row["what"]: row["level"] for row in json.loads(fine.output)}
    assert (levels["verl"], levels["torch"]) == ("ok", "ok")
    script = tmp_path / "train.sh"
    script.write_text("custom_reward_function.path=mine.py\n")
    bad = CliRunner().invoke(command, ["--no-gpu", "--config", str(script)])
    assert bad.exit_code == 1
    assert "1 problem(s)" in bad.output


def test_help_shows_an_example():
    assert "s2r doctor --no-gpu" in CliRunner().invoke(command, ["--help"]).output


def problems_of(path, text):
    path.write_text(text)
    return [finding.way_out for finding in check_config(path) if finding.level == "problem"]


def test_a_script_is_read_with_its_variables(tmp_path):
    script = (
        "adv_estimator=s2r_process   # ours\nexport CLIP='0.3'\nMODE=${MODE:-s2r_sync}\n"
        "python3 -m verl.trainer.main_ppo \\\n    algorithm.adv_estimator=${adv_estimator} \\\n"
        "    reward.reward_manager.name=$MANAGER actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent \\\n"
        "    trainer.v1.trainer_mode=$MODE +algorithm.s2r.leave_one_out=True $@\n"
    )
    path = tmp_path / "train.sh"
    assert problems_of(path, script.replace("$MANAGER", "s2r")) == []
    (problem,) = problems_of(path, script.replace("$MANAGER", "naive"))
    assert "reward.reward_manager.name=naive" in problem
    (problem,) = problems_of(path, script.replace("$MANAGER", "s2r").replace("leave_one_out", "leave_one_uot"))
    assert "leave_one_uot" in problem


@pytest.mark.parametrize("program", ["one_step_off_policy.main_ppo", "fully_async_policy.fully_async_main"])
def test_experimental_programs_are_refused_by_name(tmp_path, program):
    words = "algorithm.adv_estimator=s2r_process reward.reward_manager.name=s2r trainer.v1.trainer_mode=s2r_sync"
    words += " actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent"
    found = problems_of(tmp_path / "train.sh", f"python -m verl.experimental.{program} {words}\n")
    assert any(program.partition(".")[0] in problem for problem in found)
    assert problems_of(tmp_path / "stock.sh", f"python -m verl.experimental.{program} data.train_batch_size=4\n") == []


def test_a_slip_of_the_pen_and_a_binary_file_do_not_fit(tmp_path):
    for value in ("s2r_proces", "s2r_processs"):
        assert problems_of(tmp_path / "a.yaml", f"algorithm: {{adv_estimator: {value}}}\n")
    path = tmp_path / "b.sh"
    path.write_bytes(b"\0\1\2")
    assert "binary" in next(check_config(path)).way_out


def test_yaml_over_verls_defaults(tmp_path):
    lines = (
        "defaults: [ppo_trainer, _self_]\nalgorithm: {adv_estimator: s2r_process}\nreward: {reward_manager: {name: s2r}}\n"
        "actor_rollout_ref: {rollout: {agent: {default_agent_loop: s2r_agent}}}\ntrainer: {v1: {trainer_mode: MODE}}\n"
    )
    assert problems_of(tmp_path / "good.yaml", lines.replace("MODE", "s2r_sync")) == []
    (problem,) = problems_of(tmp_path / "bad.yaml", lines.replace("MODE", "sync"))
    assert "trainer.v1.trainer_mode=s2r_sync" in problem
