"""What a running method remembers is saved with verl's checkpoints and read back."""

from types import SimpleNamespace

import pytest
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from s2r_rewards import get_method
from s2r_verl.checks.setup import TRAINERS
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


@pytest.mark.parametrize(("name", "step"), [("s2r_sync", 1), ("s2r_colocate_async", 1), ("s2r_separate_async", 3)])
def test_each_trainer_is_verls_own_of_its_mode(monkeypatch, name, step):
    """verl's base class compares with its own words and reads their blocks, also where ours is named."""
    from omegaconf import OmegaConf
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    ours, theirs = get_trainer_cls(name), get_trainer_cls(TRAINERS[name])
    assert issubclass(ours, theirs)
    assert not ours.__abstractmethods__
    for method in ("get_llm_client", "on_train_begin", "on_step_end", "on_sample_end", "_compute_old_log_prob", "step"):
        assert getattr(ours, method) is getattr(theirs, method), method
    monkeypatch.setattr(PPOTrainer, "_build_replay_buffer", lambda self: (self.trainer_mode, self.parameter_sync_step))
    made = object.__new__(ours)
    modes = {"trainer_mode": name, "sync": {}, "separate_async": {"parameter_sync_step": 3}}
    made.config = OmegaConf.create({"trainer": {"v1": modes}})
    assert made._build_replay_buffer() == (TRAINERS[name], step)
