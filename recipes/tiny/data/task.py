"""Hidden factor: "Which prime below 18 divides 16723?" Exactly one does, so the golden answer is unique.

Finding the prime in one forward pass is hard for a two-layer network (think of divisibility by 7, 11 or 13);
checking a proposed prime is easy, because a long division can be written down digit by digit. So a first
attempt is often wrong, a verification can be honest, and a retry that knows the rejected primes is informed.
A response has room for four attempts with their divisions, so seven primes cannot be gone through one by one.
Every piece of text below is one token, and concatenating the pieces gives the text, exactly.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

LEVELS = {2: 1, 5: 1, 3: 2, 7: 3, 11: 4, 13: 4, 17: 5}
PRIMES = tuple(LEVELS)
SHARES = (0.1, 0.1, 0.2, 0.2, 0.12, 0.12, 0.16)  # how often each prime is the answer; no level below 0.16
SMALLEST, LARGEST = 10_000, 99_999
HELD_OUT = 4  # one number in four is held out
HELD_OUT_SEED = 99  # every model of every seed answers the same problems

QUESTION, QUESTION_END = "Which prime below 18 divides ", "?\n"
ANSWER = "The answer is "
BOXES = {p: f"\\boxed{{{p}}}." for p in PRIMES}
BREAK = "\n"
RECHECK, RETRY = "Wait, let me recheck my solution.\n", "Let me try again.\n"
DIVISION, GLANCE, AGAIN = "Long division: ", "A quick look at it.", "Solving it again gives "
VERDICT = "\nTherefore, the answer is "
SAYS_CORRECT, SAYS_INCORRECT = f"{VERDICT}correct.", f"{VERDICT}incorrect."
REMAINDERS = tuple(f"r{i} " for i in range(max(PRIMES)))
DIGITS = tuple("0123456789")
PAD_TEXT, END_TEXT = "<|pad|>", "<|im_end|>"
TOKENS: tuple[str, ...] = (
    *(PAD_TEXT, END_TEXT, QUESTION, QUESTION_END, ANSWER, *BOXES.values()),
    *(BREAK, RECHECK, RETRY, DIVISION, GLANCE, AGAIN, SAYS_CORRECT, SAYS_INCORRECT, *DIGITS, *REMAINDERS),
)
IDS = {piece: i for i, piece in enumerate(TOKENS)}
PAD, END = IDS[PAD_TEXT], IDS[END_TEXT]


@dataclass(frozen=True)
class Problem:
    number: int
    prime: int

    @property
    def id(self) -> str:
        return f"hidden-factor-{self.number}"

    @property
    def gold(self) -> str:
        return str(self.prime)

    @property
    def level(self) -> int:
        return LEVELS[self.prime]

    @property
    def prompt(self) -> tuple[str, ...]:
        return (QUESTION, *str(self.number), QUESTION_END)


@cache
def _numbers(split: str) -> dict[int, np.ndarray]:
    """By prime, the numbers that it alone of PRIMES divides."""
    numbers = np.arange(SMALLEST, LARGEST + 1)
    divides = np.stack([numbers % p == 0 for p in PRIMES], axis=1)
    held_out = np.array([zlib.crc32(str(n).encode()) % HELD_OUT == 0 for n in numbers])
    eligible = (divides.sum(axis=1) == 1) & (held_out == (split == "test"))
    return {p: numbers[eligible & divides[:, i]] for i, p in enumerate(PRIMES)}


class Problems:
    """Draws training problems; no number comes twice before all numbers of its prime have come."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.waiting: dict[int, list[int]] = {p: [] for p in PRIMES}

    def draw(self, count: int) -> list[Problem]:
        return [self._next(p) for p in self.rng.choice(PRIMES, size=count, p=SHARES).tolist()]

    def _next(self, prime: int) -> Problem:
        if not self.waiting[prime]:
            self.waiting[prime] = self.rng.permutation(_numbers("train")[prime]).tolist()
        return Problem(self.waiting[prime].pop(), prime)


def held_out_problems(count: int) -> list[Problem]:
    """`count` different held-out problems, each prime with its share of them; always the same ones."""
    quotas = np.floor(count * np.array(SHARES) + 1e-9).astype(int)
    quotas[: count - quotas.sum()] += 1
    rng, problems = np.random.default_rng(HELD_OUT_SEED), []
    for prime, quota in zip(PRIMES, quotas.tolist(), strict=True):
        pool = _numbers("test")[prime]
        if quota > len(pool):
            most = min(int(len(_numbers("test")[p]) / share) for p, share in zip(PRIMES, SHARES, strict=True))
            raise ValueError(f"{count} held-out problems asked for, there are {most} different ones")
        problems += [Problem(n, prime) for n in rng.permutation(pool)[:quota].tolist()]
    return [problems[i] for i in rng.permutation(count)]


def attempt(prime: int) -> tuple[str, ...]:
    return (ANSWER, BOXES[prime])


def level_of(text: str) -> int:
    """The level of the prime that an attempt proposes; ValueError where it is none of PRIMES."""
    for prime, level in LEVELS.items():
        if BOXES[prime] in text:
            return level
    raise ValueError(f"no proposed prime in {text!r}")


def division(number: int, prime: int) -> tuple[str, ...]:
    """`1r1 6r2 7r6 3r0 ` for 1673 / 7: every digit, then the running remainder."""
    pieces: list[str] = []
    remainder = 0
    for digit in str(number):
        remainder = (10 * remainder + int(digit)) % prime
        pieces += (digit, REMAINDERS[remainder])
    return tuple(pieces)


def verification(number: int, prime: int) -> tuple[str, ...]:
    """What follows RECHECK: the division, and the verdict that it proves."""
    return (DIVISION, *division(number, prime), SAYS_INCORRECT if number % prime else SAYS_CORRECT)


def solved_again(prime: int, other: int) -> tuple[str, ...]:
    """What follows RECHECK in another style: a second solution, and whether it is the first one's."""
    return (AGAIN, BOXES[other], SAYS_CORRECT if other == prime else SAYS_INCORRECT)


def encode(pieces: Iterable[str]) -> list[int]:
    return [IDS[piece] for piece in pieces]


def decode(ids: Iterable[int]) -> str:
    return "".join(TOKENS[i] for i in ids)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """The same vocabulary as a Hugging Face fast tokenizer, for the library's token spans and for export."""
    backend = Tokenizer(models.WordLevel(IDS, unk_token=PAD_TEXT))
    longest_first = sorted(TOKENS, key=len, reverse=True)
    pattern = Regex("|".join(re.escape(piece) for piece in longest_first))
    backend.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD_TEXT, eos_token=END_TEXT, clean_up_tokenization_spaces=False
    )
