# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Puts the API together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from app.access import AccessMiddleware
from app.auth import Keys
from app.call import CallReport
from app.chat import Chat
from app.correlation import IdentityMiddleware
from app.errors import install_handlers
from app.json_lines import JsonLines
from app.metrics import Metrics
from app.model_client import ModelClient
from app.request_log import EveryLibrary
from app.settings import Settings
from app.telemetry import Telemetry


def build(settings: Settings, telemetry: Telemetry) -> ASGIApp:
    """Raises OSError where the log folder cannot be written."""
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    access, audit, security = (
        JsonLines(settings.log_dir / f"{name}.log", log_class)
        for name, log_class in (("access", "request"), ("audit", "audit"), ("security", "security"))
    )
    logs = EveryLibrary(settings.log_dir)
    client = ModelClient(settings.model_server, settings.model_server_key)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.close()
        for log in (access, audit, security, logs):
            log.close()
        await telemetry.shutdown()

    metrics = Metrics()
    app = FastAPI(title="Example LLM API", lifespan=lifespan)
    app.state.keys = Keys(settings.api_keys, security)
    app.include_router(Chat(settings.models, client, CallReport(logs, metrics), audit).router)
    _add_probes(app, metrics)
    install_handlers(app)
    app.add_middleware(AccessMiddleware, log=access, metrics=metrics)
    telemetry.instrument(app)
    return IdentityMiddleware(app)


def _add_probes(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def scrape(request: Request) -> Response:
        return metrics.exposition(request.headers.get("Accept", ""))
