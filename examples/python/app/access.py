# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""One access log line and one Prometheus observation for each request, written when its last byte is out."""

from __future__ import annotations

from time import perf_counter

from opentelemetry.util.http import sanitize_method
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.json_lines import JsonLines
from app.metrics import Metrics

_PROBES = ("/healthz", "/metrics")


class AccessMiddleware:
    def __init__(self, app: ASGIApp, log: JsonLines, metrics: Metrics) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            return await self._app(scope, receive, send)
        status = 500  # what the server answers if the app fails before it does

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = perf_counter()
        try:
            with self._metrics.in_flight.track_inprogress():
                await self._app(scope, receive, send_and_note)
        finally:
            self._note(Request(scope), status, perf_counter() - started)

    def _note(self, request: Request, status: int, seconds: float) -> None:
        route = getattr(request.scope.get("route"), "path", None)
        model = getattr(request.state, "model", None)
        # A caller may send any word as method: the label takes only those that exist.
        self._metrics.count_request(sanitize_method(request.method), route or "none", status, model or "none", seconds)
        self._log.write(
            "error" if status >= 500 else "info",
            method=request.method,
            path=request.url.path,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            client=request.client.host if request.client else None,
            user_agent=request.headers.get("User-Agent"),
            model=model,
            error=getattr(request.state, "error", None),
        )
