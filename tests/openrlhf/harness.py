"""Runs OpenRLHF's real command lines on a CPU and reads back what they logged. Used by the end-to-end tests."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXTENSIONS = Path(sys.prefix) / "torch_extensions"  # what DeepSpeed compiles, once an environment
ENVIRONMENT = {
    "S2R_CPU_SHIM": "1",
    "DS_ACCELERATOR": "cpu",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "GLOO_SOCKET_IFNAME": "lo",
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "PYTHONWARNINGS": "ignore",
}
RL_FLAGS = {
    "--data.input_key": "input",
    "--data.label_key": "gold",
    "--data.apply_chat_template": None,
    "--data.max_len": 256,
    "--rollout.max_new_tokens": 160,
    "--rollout.batch_size": 4,
    "--rollout.n_samples_per_prompt": 4,
    "--rollout.micro_batch_size": 16,
    "--train.batch_size": 16,
    "--train.micro_batch_size": 16,
    "--algo.advantage.estimator": "rloo",
    "--algo.kl.init_coef": 0.001,
    "--actor.adam.lr": 2e-4,
    "--actor.num_gpus_per_node": 1,
    "--ref.num_gpus_per_node": 1,
    "--vllm.num_engines": 1,
    "--vllm.enforce_eager": None,
    "--vllm.gpu_memory_utilization": 0.1,
    "--vllm.sync_backend": "gloo",
    "--ds.attn_implementation": "eager",
    "--ds.zero_stage": 0,
}
SFT_FLAGS = {
    "--data.multiturn": None,
    "--data.input_key": "messages",
    "--data.apply_chat_template": None,
    "--data.max_len": 256,
    "--train.micro_batch_size": 16,
    "--train.batch_size": 16,
    "--train.max_epochs": 8,
    "--adam.lr": 3e-3,
    "--ds.attn_implementation": "eager",
    "--ds.zero_stage": 0,
}


@dataclass(frozen=True)
class Run:
    """One finished training run: its folder and everything it logged to TensorBoard."""

    folder: Path
    scalars: dict[str, list[float]]
    output: str
    evaluation: dict[str, list[float]]

    def first_batch(self) -> list[dict]:
        import torch

        return torch.load(self.folder / "first_batch.pt", weights_only=False)


def environment(*folders: Path, **extra: str) -> dict[str, str]:
    paths = [HERE / "shim", ROOT, ROOT / "integrations", *folders]
    env = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, paths)), **extra}
    env["TORCH_EXTENSIONS_DIR"] = str(Path(sys.prefix) / "torch_extensions")  # DeepSpeed's, one build an environment
    env["PATH"] = str(Path(sys.executable).parent) + os.pathsep + env["PATH"]  # DeepSpeed calls ninja
    return env


def flags(options: dict) -> list[str]:
    return [str(word) for name, value in options.items() for word in ([name] if value is None else [name, value])]


def run(module: str, arguments: list[str], env: dict[str, str], folder: Path, timeout: float = 3600) -> str:
    """The module's output; on failure an error with its last lines. The limit is for runs that hang, on any machine."""
    log = folder / "output.log"
    with open(log, "w") as file:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT, timeout=timeout,
        )  # fmt: skip
    output = log.read_text(errors="replace")
    assert done.returncode == 0, f"{module} ended with {done.returncode}; {log}:\n" + output[-6000:]
    return output


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def train_sft(
    folder: Path, model: Path, data: Path, template: str, module: str = "openrlhf.cli.train_sft", **more
) -> Path:
    folder.mkdir(parents=True)
    for lock in EXTENSIONS.glob("*/lock"):  # a killed run leaves it, and the next one waits for ever
        lock.unlink()
    single = {
        "RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_RANK": "-1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    options = {
        "--model.model_name_or_path": model,
        "--data.dataset": data,
        "--data.tokenizer_chat_template": template,
        "--ckpt.output_dir": folder / "model",
        "--ckpt.path": folder / "checkpoints",
    }
    options |= {"--" + name.replace("__", "."): value for name, value in more.items()}
    run(module, flags({**SFT_FLAGS, **options}), environment(**single), folder)
    return folder / "model"


def train_rl(
    folder: Path,
    model: Path,
    prompts: Path,
    module: str = "s2r_openrlhf.train_ppo_ray",
    path: tuple[Path, ...] = (),
    float32: bool = False,
    **options,
) -> Run:
    """``path`` adds to PYTHONPATH; ``options`` add to :data:`RL_FLAGS`, dots written as ``__``; None is a flag without a value.

    ``float32``: OpenRLHF's own types are bfloat16 and float16; the shim gives it another.
    """
    folder.mkdir(parents=True)
    own = {
        "--actor.model_name_or_path": model,
        "--data.prompt_dataset": prompts,
        "--ckpt.output_dir": folder / "model",
        "--ckpt.path": folder / "checkpoints",
        "--logger.tensorboard_dir": folder / "tensorboard",
        "--logger.wandb.run_name": "run",
    }
    own |= {"--" + name.replace("__", "."): value for name, value in options.items()}
    env = environment(*path, S2R_TEST_DUMP=str(folder / "first_batch.pt"), S2R_TEST_FLOAT32=str(int(float32)))
    output = run(module, flags({**RL_FLAGS, **own}), env, folder)
    board = folder / "tensorboard" / "run"
    return Run(folder, read_scalars(board), output, read_scalars(board, "eval/"))


def read_scalars(folder: Path, prefix: str = "train/") -> dict[str, list[float]]:
    """Everything logged under a prefix, in order of steps, without it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith(prefix)]
    return {tag.removeprefix(prefix): [event.value for event in events.Scalars(tag)] for tag in tags}
