# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics of the API, scraped at /metrics; in OpenMetrics format they carry exemplars."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from app.correlation import ids

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.in_flight = Gauge("llm_api_requests_in_flight", "Requests being served.", registry=self._registry)
        self._requests = Counter(
            "llm_api_requests", "Requests answered.", ["method", "route", "status", "model"], registry=self._registry
        )
        self._duration = Histogram(
            "llm_api_request_duration_seconds",
            "Time until the last byte of the answer.",
            ["method", "route", "model"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "llm_api_tokens",
            "Tokens that the model server reported. Cached tokens are part of the input.",
            ["model", "type"],
            registry=self._registry,
        )

    def count_request(self, method: str, route: str, status: int, model: str, seconds: float) -> None:
        exemplar = _exemplar()
        self._requests.labels(method, route, str(status), model).inc(exemplar=exemplar)
        self._duration.labels(method, route, model).observe(seconds, exemplar=exemplar)

    def count_tokens(self, model: str, by_type: dict[str, int]) -> None:
        for token_type, count in by_type.items():
            self._tokens.labels(model, token_type).inc(count)

    def exposition(self, accept: str) -> Response:
        encode, content_type = choose_encoder(accept)
        return Response(encode(self._registry), headers={"Content-Type": content_type})


def _exemplar() -> dict[str, str] | None:
    found = ids()
    return {name: found[name] for name in ("trace_id", "span_id")} if "trace_id" in found else None
