"""One file of a run that is still going: what was added since the last look, and what happened to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from s2r_rewards.report.parts import Chunk, chunks_of
from s2r_rewards.rollouts.records import RecordError

BLOCK = 2_000_000
_EDGE = 256
"""Bytes at the beginning of a file, and before the place up to which it was read, by which it is known again."""
Identity = tuple[int, int]


class Tail:
    """Whole lines of a growing JSONL file. A half-written last line waits.

    Compressed and parquet files cannot grow line by line: they are read anew whenever they change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting = 0
        """Bytes of a last line that is not whole yet."""
        self.trouble = ""
        """Why nothing of it can be read at the moment."""
        self._offset, self._line = 0, 1
        self._seen: tuple[int, ...] = ()
        self._head, self._last = b"", b""

    def changed(self) -> str | None:
        """What happened to the file besides growing ("" : nothing); then it is to be read from its beginning.

        None: it is gone or cannot be read, which changes nothing.
        """
        try:
            now = self.path.stat()
            if not self._grows:
                seen = (now.st_ino, now.st_size, now.st_mtime_ns)
                before, self._seen = self._seen, seen
                return "was written anew" if before and before != seen else ""
            identity = (now.st_dev, now.st_ino)
            with open(self.path, "rb") as file:
                head = file.read(_EDGE)
                file.seek(max(0, self._offset - len(self._last)))
                last = file.read(len(self._last))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.trouble = f"cannot be read ({error.strerror or error})"
            return None
        self.trouble = ""
        happened = ""
        if self._seen and identity != self._seen:
            happened = "was replaced by another file"
        elif now.st_size < self._offset:
            happened = f"was cut from {self._offset:,} to {now.st_size:,} bytes"
        elif last != self._last or not head.startswith(self._head[: min(len(head), self._offset)]):
            happened = "was written anew"
        self._seen, self._head = identity, head
        if happened:
            self._offset, self._line, self.waiting, self._last = 0, 1, 0, b""
        return happened

    def chunks(self, again: bool) -> Iterator[Chunk]:
        """What is new; ``again``: all of it."""
        if not self._grows:
            yield from self._whole(again)
            return
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                while block := _lines(file.read(BLOCK), file):
                    yield Chunk(str(self.path), self._line, block.decode("utf-8", "replace"))
                    self._line += block.count(b"\n")
                    self._offset += len(block)
                    self._last = (self._last + block)[-_EDGE:]
                    file.seek(self._offset)
                self.waiting = os.fstat(file.fileno()).st_size - self._offset
        except OSError as error:
            self.trouble = f"cannot be read ({error.strerror or error})"

    @property
    def _grows(self) -> bool:
        return not self.path.name.endswith((".gz", ".parquet"))

    def _whole(self, again: bool) -> Iterator[Chunk]:
        """A file that is read as a whole: once, and again whenever it has changed."""
        if not again and self._offset:
            return
        self.trouble, self._offset = "", 0
        try:
            yield from list(chunks_of(self.path))  # all or nothing: half a file cannot be told from a broken one
            self._offset = 1
        except (RecordError, OSError, EOFError) as error:
            self.trouble = f"not whole yet ({error})"


def _lines(block: bytes, file: object) -> bytes:
    """The whole lines that a block begins with; a line that is longer than the block is read to its end."""
    end = block.rfind(b"\n") + 1
    while not end and len(block) % BLOCK == 0 and block and (more := file.read(BLOCK)):  # type: ignore[attr-defined]
        end = (block := block + more).rfind(b"\n") + 1
    if not end and _whole_object(block):  # a last line without a newline behind it
        return block
    return block[:end]


def _whole_object(line: bytes) -> bool:
    """No beginning of a JSON object is one itself, so that what can be read has been written to its end."""
    try:
        return line.rstrip().endswith(b"}") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
