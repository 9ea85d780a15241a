"""A scripted engine and the paper's worked batch, for slices that run OpenRLHF's real executor without vLLM."""

import asyncio
from types import SimpleNamespace

import tiny

PROMPT = "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n"
GOLD = "4"
# Five trajectories as (attempt is right, verdict is "correct") pairs; figures worked out by hand from Eq. 4 and 5.
PLANS = [[(1, 1)], [(0, 0), (1, 1)], [(0, 1)], [(1, 0), (0, 0), (1, 1)], [(0, 0), (0, 1)]]
REWARDS = [[1, 1], [-1, 1, 1, 1], [-1, -1], [1, -1, -1, 1, 1, 1], [-1, 1, -1, -1]]
ADVANTAGES = [
    [1.2, 1.0],
    [-0.8, 2 / 3, 1.0, 0.0],
    [-0.8, -4 / 3],
    [1.2, -1.0, 0.0, 0.0, 0.0, 0.0],
    [-0.8, 2 / 3, -1.0, 0.0],
]


def response(plan, end="<|im_end|>"):
    pieces = []
    for right, confirmed in plan:
        verdict = "correct" if confirmed else "incorrect"
        pieces.append(f"2 + 2 = \\boxed{{{4 if right else 5}}}.\n\n{tiny.RECHECK}Therefore, the answer is {verdict}.")
    return tiny.RETRY.join(pieces) + end


class ScriptedEngine:
    """Answers each call of ``generate`` with the next text of the script, as token ids."""

    def __init__(self, tokenizer, texts, finish="stop"):
        self.tokenizer, self.texts, self.finish = tokenizer, iter(texts), finish

    async def generate(self, prompt_token_ids, sampling_params, multi_modal_data=None):
        ids = self.tokenizer(next(self.texts), add_special_tokens=False)["input_ids"]
        output = SimpleNamespace(
            token_ids=list(ids), text=self.tokenizer.decode(ids), finish_reason=self.finish, logprobs=None
        )
        return SimpleNamespace(outputs=[output])


def execute(executor, tokenizer, texts, label=GOLD, finish="stop", max_length=512):
    """What the executor returns for each scripted text."""
    engine = ScriptedEngine(tokenizer, texts, finish)
    params = SimpleNamespace(max_tokens=200, logprobs=None)
    labels = label if isinstance(label, list) else [label] * len(texts)

    async def each():
        return [
            await executor.execute(
                prompt=PROMPT, label=one, sampling_params=params, max_length=max_length,
                hf_tokenizer=tokenizer, llm_engine=engine, images=None,
            )
            for one in labels
        ]  # fmt: skip

    return asyncio.run(each())
