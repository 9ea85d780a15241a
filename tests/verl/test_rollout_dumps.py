"""What verl's own trainer writes to `trainer.rollout_data_dir` is read by `s2r stats` and `s2r report`."""

import json

import numpy as np
from click.testing import CliRunner

from s2r_rewards.cli import main
from s2r_rewards.testing import ORACLE


def test_dumps_of_verls_trainer(tmp_path):
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    dump = tmp_path / "dumps"
    for step in (1, 2, 10):
        PPOTrainer._write_generations(
            ["What is 2 + 3?"] * 5,
            [case.text for case in ORACLE.cases],
            [case.gold for case in ORACLE.cases],
            [np.float32(case.outcome) for case in ORACLE.cases],
            {"uid": [f"{step}-0_{i}_0" for i in range(5)]},
            str(dump),
            step,
        )
    result = CliRunner().invoke(main, ["stats", str(dump), "--by", "step", "--json"])
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert list(body["by"]) == ["step 1", "step 2", "step 10"]
    for name, expected in ORACLE.metrics.items():
        assert abs(body["by"]["step 10"][name] - expected) < 1e-9, name
    page = tmp_path / "report.html"
    assert CliRunner().invoke(main, ["report", str(dump), "-o", str(page)]).exit_code == 0
    assert "15 rollouts · 1 problems · 3 steps" in page.read_text()
