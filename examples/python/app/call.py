# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""One call of a model on a request's behalf: how it went, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import openai
from fastapi import Request
from openai.types import CompletionUsage

from app.errors import mark_span
from app.metrics import Metrics
from app.request_log import EveryLibrary, Level


@dataclass
class Call:
    """Neither the prompt nor the answer is kept here, so that none can reach a log."""

    model: str
    stream: bool
    finish_reason: str | None = None
    usage: CompletionUsage | None = None
    error: Exception | None = None
    aborted: bool = True  # until it has completed or failed
    started: float = field(default_factory=perf_counter)

    def complete(self, finish_reason: str | None, usage: CompletionUsage | None) -> None:
        self.finish_reason, self.usage, self.aborted = finish_reason, usage, False

    def fail(self, error: Exception) -> None:
        self.error, self.aborted = error, False

    def verdict(self) -> tuple[Level, str]:
        if self.aborted:
            return "warning", "chat aborted by the caller"
        if self.error:
            return ("warning" if isinstance(self.error, openai.RateLimitError) else "error"), "chat failed"
        return "info", "chat completed"

    def tokens(self) -> dict[str, int]:
        if self.usage is None:
            return {}
        details = self.usage.prompt_tokens_details
        cached = details.cached_tokens if details else None
        return {"input": self.usage.prompt_tokens, "output": self.usage.completion_tokens, "cached": cached or 0}

    def fields(self) -> dict[str, Any]:
        named = {
            "model": self.model,
            "stream": self.stream,
            "duration_ms": round((perf_counter() - self.started) * 1000, 3),
            "finish_reason": self.finish_reason,
            "error_type": type(self.error).__name__ if self.error else None,
            **{f"{name}_tokens": count for name, count in self.tokens().items()},
        }
        return {name: value for name, value in named.items() if value is not None}


class CallReport:
    """Tells of a call that has ended: the logs, the metrics, the server span and the access log."""

    def __init__(self, logs: EveryLibrary, metrics: Metrics) -> None:
        self._logs = logs
        self._metrics = metrics

    def ended(self, call: Call, request: Request) -> None:
        level, message = call.verdict()
        self._logs.write(level, message, call.fields(), call.error if level == "error" else None)
        self._metrics.count_tokens(call.model, call.tokens())
        if call.error:
            mark_span(call.error)
            request.state.error = type(call.error).__name__
        elif call.aborted:
            request.state.error = "aborted"
