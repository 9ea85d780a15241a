"""What s2r_openrlhf uses of OpenRLHF, with the signature it uses it with; looked up in OpenRLHF's source, unimported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import util
from pathlib import Path

_TRAINER, _ASYNC = "trainer.ppo_trainer", "trainer.ppo_trainer_async"
_EXECUTE = "self prompt label sampling_params max_length hf_tokenizer llm_engine"
_SAVE = "self global_step logs_dict client_states"
#: (module of openrlhf, function, its first parameters)
FUNCTIONS = (
    ("utils.agent", "SingleTurnAgentExecutor.__init__", "self remote_rm_url"),
    ("utils.agent", "SingleTurnAgentExecutor.execute", _EXECUTE),
    ("utils.agent", "MultiTurnAgentExecutor.__init__", "self agent_instance_cls"),
    ("utils.agent", "MultiTurnAgentExecutor.execute", _EXECUTE),
    (
        "trainer.ppo_utils.experience_maker", "RemoteExperienceMaker.__init__",
        "self actor_model_group critic_model_group reward_model_group initial_model_group kl_controller strategy tokenizer",
    ),
    ("trainer.ppo_utils.experience_maker", "RemoteExperienceMaker.compute_advantages_and_returns", "self experiences"),
    ("trainer.ppo_utils.samples_generator", "SamplesGenerator.generate_eval_samples", "self"),
    (_TRAINER, "BasePPOTrainer.train_step", "self rollout_samples global_step"),
    (_TRAINER, "BasePPOTrainer.init_checkpoint_states", "self"),
    (_TRAINER, "BasePPOTrainer.save_logs_and_checkpoints", _SAVE),
    (_TRAINER, "PPOTrainer.evaluate", "self global_step"),
    (_ASYNC, "TrainingActor.__init__", "self"),
    (_ASYNC, "GenerateSamplesActor._run_eval", "self"),
    ("trainer.ray.ppo_actor", "PolicyModelActor.init_model_from_pretrained", "self strategy"),
    ("trainer.ray.ppo_actor", "ActorPPOTrainer.training_step", "self experience"),
    ("cli.train_ppo_ray", "train", "args"),
)  # fmt: skip
#: What an experience has to hold.
FIELDS = "sequences action_mask returns advantages kl rewards scores labels index info"
#: What the loss has to be told, so that micro-batches and ranks add up to one mean over the step.
NORMALISERS = "dp_size batch_num_tokens global_batch_size"


def broken() -> list[str]:
    """What the installed OpenRLHF has otherwise than it is used here; nothing: everything is as it should be."""
    found = [line for module, name, wanted in FUNCTIONS for line in _differs(module, name, wanted)]
    lacking = sorted(set(FIELDS.split()) - _fields("trainer.ppo_utils.experience", "Experience"))
    return [
        *found,
        *([f"openrlhf.trainer.ppo_utils.experience.Experience has no {', '.join(lacking)}"] if lacking else []),
    ]


def counts_whole_steps() -> bool:
    """Whether the policy loss is told the size of the whole step (0.10.4 and later)."""
    forward = _function("models.loss", "PolicyLoss.forward")
    return forward is not None and set(NORMALISERS.split()) <= set(_parameters(forward))


def _differs(module: str, name: str, wanted: str) -> Iterator[str]:
    function, expected = _function(module, name), wanted.split()
    if function is None:
        yield f"openrlhf.{module}.{name} does not exist"
        return
    found = _parameters(function)
    if found[: len(expected)] != expected:
        yield f"openrlhf.{module}.{name} takes ({', '.join(found)}); expected ({', '.join(expected)}, …)"


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def _tree(module: str) -> ast.Module:
    package = util.find_spec("openrlhf")  # its submodules would be imported on the way
    roots = list(package.submodule_search_locations or ()) if package else []
    for root in roots:
        path = Path(root, *module.split(".")).with_suffix(".py")
        if path.is_file():
            return ast.parse(path.read_text(encoding="utf-8"), str(path))
    return ast.Module([], [])


def _function(module: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    body: list[ast.stmt] = _tree(module).body
    *classes, last = name.split(".")
    for wanted in classes:
        inside = next((node for node in body if isinstance(node, ast.ClassDef) and node.name == wanted), None)
        body = inside.body if inside else []
    return next((n for n in body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == last), None)


def _fields(module: str, name: str) -> set[str]:
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    return set()
