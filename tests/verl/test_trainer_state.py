"""What a running method remembers is saved with verl's checkpoints and read back."""

from types import SimpleNamespace

import pytest
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from s2r_rewards import get_method
from s2r_verl.trainer import STATE_FILE, S2RTrainer


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """A trainer of which only the state and the place of its checkpoints exist; verl's own part does nothing."""
    monkeypatch.setattr(PPOTrainerSync, "_save_checkpoint", lambda self: None)
    monkeypatch.setattr(PPOTrainerSync, "_load_checkpoint", lambda self: None)

    def make(method, resume=None):
        made = object.__new__(S2RTrainer)
        place = SimpleNamespace(default_local_dir=str(tmp_path), resume_from_path=resume)
        made.config, made.global_steps = SimpleNamespace(trainer=place), 7
        made.s2r_state = get_method(method).new_state()
        return made

    return make


@pytest.mark.parametrize("explicit", [False, True])
def test_the_state_survives(trainer, tmp_path, explicit):
    first = trainer("released-prl")
    first.s2r_state([[1.0, -1.0]] * 10)
    first._save_checkpoint()
    second = trainer("released-prl", str(tmp_path / "global_step_7") if explicit else None)
    second._load_checkpoint()
    assert second.s2r_state([[0.0, 0.0]]) == ((1.0, 0.0),)
    assert second.s2r_state.baseline.min_count == 10


def test_a_method_without_state_writes_none(trainer, tmp_path):
    trainer("s2r-prl")._save_checkpoint()
    assert not list(tmp_path.rglob(STATE_FILE))
    trainer("s2r-prl")._load_checkpoint()


def test_a_checkpoint_without_state_begins_without_it(trainer):
    resumed = trainer("released-prl")
    resumed._load_checkpoint()
    assert resumed.s2r_state([[1.0]]) == ((0.0,),)
