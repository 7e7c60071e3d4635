# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the example's two servers as the README does: as child processes, on free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.otlp_receiver import wait_for

_FOLDER = Path(__file__).parent.parent
LIBRARIES = ("loguru", "structlog", "picologging", "logbook", "logging")


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    base_url: str

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@dataclass(frozen=True)
class Api:
    server: Server
    log_dir: Path

    def chat(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        given = {"Authorization": "Bearer demo-key"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.server.base_url}/v1/chat", json=body, headers=given, timeout=30)

    def record(self, log: str, request_id: str) -> dict[str, Any]:
        """The one line of a log about one request; the access log's comes after the answer's last byte."""
        (found,) = wait_for(lambda: self.records(log, request_id) or None, f"a line of {log}.log about {request_id}")
        return found

    def records(self, log: str, request_id: str) -> list[dict[str, Any]]:
        lines = (self.log_dir / f"{log}.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if request_id in line]


@contextmanager
def running(module: str, environment: dict[str, str], *arguments: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", "0", *arguments],
        cwd=_FOLDER,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        announced = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert announced, f"{module} did not say where it listens"
        server = Server(process, announced.group())
        wait_for(lambda: _healthy(server), f"{module} is healthy")
        yield server
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def running_api(model_server: str, otlp_endpoint: str, log_dir: Path, **environment: str) -> Iterator[Api]:
    settings = {
        "LOG_DIR": str(log_dir),
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint,
        "OTEL_SERVICE_NAME": "example-llm-api",
        **environment,
    }
    with running("app", settings, "--model-server", f"{model_server}/v1") as server:
        yield Api(server, log_dir)


def _healthy(server: Server) -> bool | None:
    assert server.process.poll() is None, f"ended with status {server.process.returncode}"
    try:
        return httpx.get(f"{server.base_url}/healthz").status_code == 200 or None
    except httpx.TransportError:
        return None
