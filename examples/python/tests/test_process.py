# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The API as a process: how it ends, and what it says when it cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.otlp_receiver import Receiver
from tests.processes import Api, Server, running_api

_FOLDER = Path(__file__).parent.parent
_NEVER_BY_ITSELF = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}


def test_sigterm_sends_what_is_held(model_server: Server, tmp_path: Path) -> None:
    receiver = Receiver()
    with running_api(model_server.base_url, receiver.endpoint, tmp_path, **_NEVER_BY_ITSELF) as api:
        assert api.chat({"model": "demo-small", "message": "Why?"}, X_Request_ID="req-last").status_code == 200
        assert receiver.spans == []
        assert api.server.stop() == 0
    receiver.close()

    assert [span.attributes["http.request.id"] for span in receiver.spans] == ["req-last", "req-last"]
    assert any(log.attributes.get("http.request.id") == "req-last" for log in receiver.logs)
    assert "gen_ai.client.token.usage" in receiver.metrics


def test_a_model_server_that_makes_no_sense_is_a_bad_gateway(tmp_path: Path) -> None:
    receiver = Receiver()
    # The receiver answers every path with 200 and no body: no OpenAI.
    with running_api(receiver.endpoint, receiver.endpoint, tmp_path) as api:
        for stream in (False, True):
            answer = api.chat({"model": "demo-small", "message": "Why?", "stream": stream})
            assert (answer.status_code, answer.json()["error"]["type"]) == (502, "model_server_failed")
    with running_api("http://127.0.0.1:1", receiver.endpoint, tmp_path) as api:
        assert api.chat({"model": "demo-small", "message": "Why?"}).status_code == 502
    receiver.close()


def test_a_port_in_use_is_named(api: Api, tmp_path: Path) -> None:
    port = api.server.base_url.rsplit(":", 1)[1]
    ended = _start("--port", port, LOG_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ended.stderr


def test_a_log_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    ended = _start("--port", "0", LOG_DIR=str(taken))
    assert ended.returncode == 1
    assert f"cannot write logs under LOG_DIR={taken}: File exists" in ended.stderr


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        check=False,
        cwd=_FOLDER,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
