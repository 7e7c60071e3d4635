# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs an ASGI app on one address, for both servers of the example."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

# Open streams get this long to end after SIGTERM.
_GRACE_SECONDS = 5


def serve(app: ASGIApp, name: str, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; announce gets the base URL once the port is held."""
    listener = _listen(name, host, port)
    announce(_base_url(listener))
    # uvicorn raises the signal that stopped it again once it has shut down: end as asked for, not as killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS)
    )
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        sys.exit(130)
    if not server.started:
        sys.exit(1)


def _listen(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        # Python appends the address to its reason, which stands in the message already.
        reason = str(getattr(error, "strerror", error)).partition(" (while")[0]
        sys.exit(f"{name}: cannot listen on {host}:{port}: {reason}; choose another with --host and --port")


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def log_to_stderr() -> None:
    """Has to come before anything else adds a handler: basicConfig leaves a root logger alone that has one."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # One line for each outgoing request would repeat what the spans say.
    logging.getLogger("httpx").setLevel(logging.WARNING)
