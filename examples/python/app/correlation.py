# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Ties every signal of a request together: request id, user id, trace id, span id.

The outermost middleware puts the request's identity in a context variable; span and log processors
copy it onto everything that OpenTelemetry records in that request, the model call's span included.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span, SpanProcessor
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER = "X-Request-ID"
USER_ID_HEADER = "X-User-ID"

# What a caller sends ends up in logs and headers: printable ASCII without spaces, of bounded length.
_ACCEPTED = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True)
class Identity:
    request_id: str
    user_id: str | None

    def attributes(self) -> dict[str, str]:
        named = {"http.request.id": self.request_id, "user.id": self.user_id}
        return {name: value for name, value in named.items() if value}


_current: ContextVar[Identity | None] = ContextVar("identity", default=None)


def current_identity() -> Identity | None:
    return _current.get()


def ids() -> dict[str, str]:
    """request_id, trace_id and span_id of where we are, as the logging libraries write them."""
    found: dict[str, str] = {}
    if identity := _current.get():
        found["request_id"] = identity.request_id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        found["trace_id"] = trace.format_trace_id(span.trace_id)
        found["span_id"] = trace.format_span_id(span.span_id)
    return found


class IdentityMiddleware:
    """Has to be outside OpenTelemetry's middleware, so that the server span already finds the identity."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        identity = Identity(
            request_id=_accepted(headers.get(REQUEST_ID_HEADER)) or str(uuid4()),
            user_id=_accepted(headers.get(USER_ID_HEADER)),
        )

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = identity.request_id
            await send(message)

        token = _current.set(identity)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _current.reset(token)


class IdentitySpanProcessor(SpanProcessor):
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if identity := _current.get():
            span.set_attributes(identity.attributes())


class IdentityLogProcessor(LogRecordProcessor):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        if identity := _current.get():
            record = log_record.log_record
            record.attributes = {**(record.attributes or {}), **identity.attributes()}

    def shutdown(self) -> None:
        """Holds nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def _accepted(value: str | None) -> str | None:
    return value if value and _ACCEPTED.fullmatch(value) else None
