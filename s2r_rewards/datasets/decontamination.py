"""Finds training problems that also stand in an evaluation set.

The test is the field's usual one: a shared run of n words. Problems shorter than n words are contaminated
when they are equal, word for word.
"""

from collections.abc import Iterable

from s2r_rewards.datasets.problems import normal_text

DEFAULT_NGRAM = 13


class NgramIndex:
    """Word n-grams of evaluation problems, and which problem each came from.

    Memory grows with the evaluation sets only; training problems can stream past.
    """

    def __init__(self, n: int = DEFAULT_NGRAM) -> None:
        if n < 1:
            raise ValueError(f"n={n} words: expected at least 1")
        self.n = n
        self._origin: dict[int, str] = {}
        self._whole: dict[str, str] = {}

    def add(self, text: str, name: str) -> None:
        """Add one evaluation problem under a name that reports can show."""
        words = normal_text(text).split()
        self._whole.setdefault(" ".join(words), name)
        for gram in self._ngrams(words):
            self._origin.setdefault(gram, name)

    def find(self, text: str) -> str | None:
        """The name of an evaluation problem that shares a run of n words with ``text``, or None."""
        words = normal_text(text).split()
        whole = self._whole.get(" ".join(words)) if words else None
        if whole is not None:
            return whole
        return next((self._origin[gram] for gram in self._ngrams(words) if gram in self._origin), None)

    def _ngrams(self, words: list[str]) -> Iterable[int]:
        return (hash(tuple(words[i : i + self.n])) for i in range(len(words) - self.n + 1))
