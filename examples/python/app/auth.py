# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Bearer keys, checked before a request's body is read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.errors import ApiError
from app.json_lines import JsonLines

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Keys:
    def __init__(self, keys: tuple[str, ...], security_log: JsonLines) -> None:
        self._keys = [key.encode() for key in keys]
        self._security_log = security_log

    def check(self, request: Request) -> str:
        """Returns a fingerprint of the caller's key, which may be logged; the key may not."""
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        key = presented.strip().encode()
        if scheme.lower() != "bearer" or not key:
            self._refuse(request, "no bearer key")
        # Every key is compared, so that the time taken says nothing about which one nearly fitted.
        if sum(hmac.compare_digest(key, known) for known in self._keys) == 0:
            self._refuse(request, "unknown key")
        return hashlib.sha256(key).hexdigest()[:16]

    def _refuse(self, request: Request, reason: str) -> None:
        self._security_log.write(
            "warning",
            event="authentication_failed",
            reason=reason,
            method=request.method,
            path=request.url.path,
            client=request.client.host if request.client else None,
            user_agent=request.headers.get("User-Agent"),
        )
        raise ApiError(401, "unauthorized", "this needs the header Authorization: Bearer <key>", _CHALLENGE)


class KeyedRoute(APIRoute):
    """A dependency would run only after the body was parsed; this comes first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def check_then_handle(request: Request) -> Response:
            request.state.key_fingerprint = request.app.state.keys.check(request)
            return await handle(request)

        return check_then_handle
