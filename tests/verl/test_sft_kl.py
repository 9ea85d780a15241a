"""Eq. 1 with its KL term in verl's real SFT trainer, with a frozen reference."""

import contextlib
import json
import re
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf
from s2r_verl_cpu import runs
from s2r_verl_cpu.assets import build_model, response, write_parquet

from s2r_rewards import parse
from s2r_rewards.losses import sft_loss, trained_actions
from s2r_rewards.tokens import token_spans
from s2r_verl.checks.sft import kl_problems
from s2r_verl.sft.train import KLLoss

USER = {"role": "user", "content": "What is 1 + 2?"}
TEXTS = [
    response(("3", True)),
    response(("2", False), ("3", True)),
    response(("4", False), ("2", False), ("3", True)),
    response(("3", True)),
]
BETA = 0.1


def trained(folder, model, *overrides, processes=1):
    """What each step logged."""
    rows = [{"messages": [USER, {"role": "assistant", "content": text}]} for text in TEXTS]
    data = write_parquet(folder / "sft.parquet", rows)
    runs.sft(
        *runs.SFT_FLAGS,
        f"data.train_files={data}",
        f"data.val_files={data}",
        f"data.train_batch_size={len(rows)}",
        f"data.micro_batch_size_per_gpu={len(rows) // 2 // processes}",
        "data.max_length=256",
        "data.custom_cls.path=pkg://s2r_verl.sft",
        "data.custom_cls.name=S2RSFTDataset",
        f"model.path={model}",
        "engine.dtype=float32",
        "+engine.mixed_precision={param_dtype:fp32,reduce_dtype:fp32,buffer_dtype:fp32}",
        "optim.lr=1e-2",
        "optim.lr_warmup_steps_ratio=0",
        "trainer.logger=[console,file]",
        f"trainer.default_local_dir={folder / 'checkpoints'}",
        f"+s2r.beta={BETA}",
        *overrides,
        folder=folder,
        module="s2r_verl.sft.train",
        processes=processes,
        VERL_FILE_LOGGER_PATH=str(folder / "metrics.jsonl"),
    )
    logged = [json.loads(line)["data"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [step for step in logged if "train/loss" in step]


def by_hand(model, reference, tokenizer):
    """(NLL, KL) a trained token, in float64 over the whole vocabulary."""
    from transformers import AutoModelForCausalLM

    networks = [AutoModelForCausalLM.from_pretrained(path).float() for path in (model, reference)]
    nll = kl = count = 0.0
    for text in TEXTS:
        prompt = tokenizer.apply_chat_template([USER], add_generation_prompt=True, tokenize=False)
        ids = tokenizer.encode(prompt + text + "<|im_end|>\n", add_special_tokens=False)
        head = len(tokenizer.encode(prompt, add_special_tokens=False))
        keep = torch.ones(len(ids) - head)
        trajectory = parse(text)
        for action, use in zip(trajectory.actions, trained_actions(trajectory), strict=True):
            ((first, end),) = token_spans(ids[head:], tokenizer, [(action.start, action.end)])
            keep[first:end] = float(use)
        with torch.no_grad():
            p, q = (n(torch.tensor([ids])).logits[0, head - 1 : -1].double().log_softmax(-1) for n in networks)
        nll -= float((p.gather(-1, torch.tensor(ids[head:])[:, None])[:, 0] * keep).sum())
        kl += float(((p.exp() * (p - q)).sum(-1) * keep).sum())
        count += float(keep.sum())
    return nll / count, kl / count


class Reference:
    """As much of an engine as the loss asks of its reference."""

    use_ulysses_sp = False

    def __init__(self, logits):
        self.logits = logits

    def prepare_model_inputs(self, micro_batch):
        return {}, {}

    def eval_mode(self):
        return contextlib.nullcontext()

    def module(self, use_cache):
        return SimpleNamespace(logits=self.logits)


@pytest.mark.parametrize("packed", [True, False])
def test_the_loss_is_the_librarys_on_jagged_batches(packed):
    """Two examples of 7 and 4 tokens; verl's δ is that of the token, its logits predict the next one."""
    from verl.utils import tensordict_utils as tu

    torch.manual_seed(0)
    lengths, vocabulary = (7, 4), 30
    rows = [torch.randint(vocabulary, (n,)) for n in lengths]
    masks = [(torch.rand(n) < 0.6).long().index_fill(0, torch.tensor([0]), 0) for n in lengths]
    own, other = (torch.randn(sum(lengths), vocabulary) for _ in range(2))
    own.requires_grad_()
    shown = other.unsqueeze(0) if packed else torch.nn.utils.rnn.pad_sequence(other.split(lengths), batch_first=True)
    data = tu.get_tensordict(
        {
            name: torch.nested.as_nested_tensor(value, layout=torch.jagged)
            for name, value in (("input_ids", rows), ("loss_mask", masks))
        },
        {"dp_size": 2, "batch_num_tokens": 10, "use_remove_padding": packed},
    )
    loss = KLLoss(Reference(shown), BETA)
    terms = {
        name: torch.nested.nested_tensor_from_jagged(value.squeeze(0), data["input_ids"].offsets())
        for name, value in loss(student_logits=own.unsqueeze(0), data=data).items()
    }
    found, metrics = loss(model_output=terms, data=data)
    expected = sum(
        sft_loss(p[None, :-1], ids[None, 1:], mask[None, 1:], q[None, :-1], BETA, divisor=5)[0]
        for p, q, ids, mask in zip(own.split(lengths), other.split(lengths), rows, masks, strict=True)
    )
    assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    gradients = [torch.autograd.grad(x, own, retain_graph=True)[0] for x in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)
    total = metrics["s2r/nll"].aggregate() + BETA * metrics["s2r/kl"].aggregate()
    assert float(total) == pytest.approx(float(found.detach()), abs=1e-6)


def test_it_starts_at_no_kl_and_moves_away(tmp_path):
    steps = trained(tmp_path, build_model(tmp_path / "model"), "trainer.total_epochs=5")
    assert steps[0]["s2r/kl"] == 0.0
    assert steps[-1]["s2r/kl"] > 1e-3
    assert steps[-1]["s2r/nll"] < steps[0]["s2r/nll"]


@pytest.mark.parametrize(
    ("processes", "more"),
    [(1, ()), (2, ("trainer.n_gpus_per_node=2",)), (1, ("+s2r.offload=true",))],
    ids=["one rank", "two ranks", "offloaded"],
)
def test_the_first_loss_by_hand(tmp_path, processes, more):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = build_model(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    torch.manual_seed(0)
    shaken = AutoModelForCausalLM.from_pretrained(model)
    with torch.no_grad():
        for weights in shaken.parameters():
            weights += 0.05 * torch.randn_like(weights)
    reference = tmp_path / "reference"
    shaken.save_pretrained(reference)
    tokenizer.save_pretrained(reference)
    (step,) = trained(
        tmp_path, model, f"+s2r.reference={reference}", "trainer.total_epochs=1", *more, processes=processes
    )
    nll, kl = by_hand(model, reference, tokenizer)
    assert kl > 0.01
    found = step["s2r/nll"], step["s2r/kl"], step["train/loss"]
    assert found == pytest.approx((nll, kl, nll + BETA * kl), abs=2e-5)


def config(**changes):
    good = {"s2r": {"beta": 0.1}, "engine": {"strategy": "fsdp2"}, "data": {"pad_mode": "no_padding"}, "model": {}}
    return OmegaConf.merge(good, changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s2r": {"beta": -1}}, "s2r.beta is -1; expected a number > 0"),
        ({"s2r": {"beat": 1}}, "s2r.beat is no key; there are s2r.beta, s2r.reference, s2r.offload"),
        ({"model": {"use_fused_kernels": True}}, "model.use_fused_kernels=True makes no logits"),
        ({"data": {"pad_mode": "right"}}, "data.pad_mode is 'right'"),
        ({"engine": {"strategy": "megatron"}}, "engine.strategy is 'megatron'"),
    ],
)
def test_what_cannot_train_is_named(changes, message):
    (problem,) = kl_problems(config(**changes))
    assert re.match(re.escape(message), problem)
    assert kl_problems(config()) == []
