# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""What the stand-in for a model server says: made-up text, the same for the same question; no model is run."""

from __future__ import annotations

import hashlib
import random
import re
from collections import OrderedDict
from dataclasses import dataclass

_SUBJECTS = ("The service", "A queue", "This request", "The scheduler", "Each replica", "The cache", "A batch")
_VERBS = ("waits for", "depends on", "sends its work to", "shares memory with", "is measured by", "falls back to")
_OBJECTS = ("the nearest worker", "a free slot", "the second tier", "one more token", "the last good state")
_ENDINGS = ("under load", "most of the time", "until it has caught up", "when nothing else fits", "by design")

_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")
_DIMENSIONS = 64
_CACHE_BLOCK_TOKENS = 16
_CACHE_BLOCKS = 4096


@dataclass(frozen=True)
class Answer:
    pieces: list[str]  # one for each token, blanks included: joined they are the text
    finish_reason: str

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def tokens(text: str) -> list[str]:
    """Roughly what a tokenizer would make of it: words in parts of at most six letters, and punctuation."""
    return _TOKEN.findall(text)


def answer(model: str, prompt: str, max_tokens: int | None) -> Answer:
    choice = _seeded(model, prompt)
    sentences = [
        f"{choice.choice(_SUBJECTS)} {choice.choice(_VERBS)} {choice.choice(_OBJECTS)} {choice.choice(_ENDINGS)}."
        for _ in range(choice.randint(2, 5))
    ]
    pieces = [match.group() for match in re.finditer(r"\s*(?:\w{1,6}|[^\w\s])", " ".join(sentences))]
    if max_tokens is not None and len(pieces) > max_tokens:
        return Answer(pieces[:max_tokens], "length")
    return Answer(pieces, "stop")


def embedding(model: str, text: str, dimensions: int | None) -> list[float]:
    """A unit vector that says nothing about the text but is the same for the same text."""
    choice = _seeded(model, text)
    values = [choice.uniform(-1, 1) for _ in range(dimensions or _DIMENSIONS)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


class PrefixCache:
    """Counts the tokens that a real server would find in its prefix cache: whole blocks, bounded by use."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[bytes, None] = OrderedDict()

    def look_up(self, model: str, prompt: list[str]) -> int:
        cached = 0
        digest = hashlib.sha256(model.encode())
        still_known = True
        # The last token is never cached: something has to be computed.
        for start in range(0, len(prompt) - _CACHE_BLOCK_TOKENS, _CACHE_BLOCK_TOKENS):
            digest.update("\0".join(prompt[start : start + _CACHE_BLOCK_TOKENS]).encode())
            key = digest.digest()
            still_known = still_known and key in self._blocks
            cached += _CACHE_BLOCK_TOKENS if still_known else 0
            self._blocks[key] = None
            self._blocks.move_to_end(key)
        while len(self._blocks) > _CACHE_BLOCKS:
            self._blocks.popitem(last=False)
        return cached


def _seeded(model: str, text: str) -> random.Random:
    return random.Random(hashlib.sha256(f"{model}\0{text}".encode()).digest())
