# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""How the API says no: one JSON shape for every error, and the model server's failures as 502, 429 or 404."""

from __future__ import annotations

from collections.abc import Mapping

import openai
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace

from app.correlation import current_identity


class ApiError(Exception):
    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = headers

    def body(self) -> dict[str, dict[str, str]]:
        error = {"type": self.kind, "message": str(self)}
        if identity := current_identity():
            error["request_id"] = identity.request_id
        return {"error": error}


def from_upstream(error: Exception) -> ApiError:
    """Says what failed without the model server's own words: those are for the logs."""
    if isinstance(error, openai.RateLimitError):
        later = {"Retry-After": error.response.headers.get("Retry-After", "1")}
        return ApiError(429, "rate_limited", "the model server is busy", later)
    if isinstance(error, openai.NotFoundError):
        return ApiError(404, "model_not_found", "the model server does not have this model")
    return ApiError(502, "model_server_failed", "the model server failed")


def mark_span(error: Exception) -> None:
    """Marks the current span as failed, for any status: the stable HTTP conventions leave a server's 429 unset."""
    span = trace.get_current_span()
    span.set_status(trace.StatusCode.ERROR, type(error).__name__)
    span.set_attribute("error.type", type(error).__name__)


def install_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(_request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body(), error.status, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # Names the fields at fault only: FastAPI's own answer repeats the input.
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        refusal = ApiError(422, "invalid_request", faults)
        return JSONResponse(refusal.body(), refusal.status)
