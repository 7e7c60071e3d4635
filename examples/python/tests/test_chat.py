# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Requests to the example API: what the caller gets, and what the logs and the telemetry say of it."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.otlp_receiver import Item, Receiver, plain, wait_for
from tests.processes import LIBRARIES, Api

_PROMPT = "a-prompt-that-no-log-may-hold"


def test_a_request_is_one_request_in_every_signal(api: Api, receiver: Receiver) -> None:
    trace_id = secrets.token_hex(16)
    answer = api.chat(
        {"model": "demo-small", "message": _PROMPT},
        X_Request_ID="req-plain",
        X_User_ID="ada",
        traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01",
    )

    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == "req-plain"
    said = answer.json()
    assert said["message"] and said["finish_reason"] == "stop"

    server, client = _server_and_client(receiver.trace(trace_id, 2))
    for span in (server, client):
        assert span.service == "example-llm-api"
        assert span.attributes["http.request.id"] == "req-plain"
        assert span.attributes["user.id"] == "ada"
        assert span.attributes["gen_ai.request.model"] == "demo-small"
    assert (server.raw.name, client.raw.name) == ("POST /v1/chat", "chat demo-small")
    assert server.attributes["http.route"] == "/v1/chat"
    assert server.attributes["http.response.status_code"] == 200
    assert client.raw.parent_span_id == server.raw.span_id
    assert client.attributes["gen_ai.provider.name"] == "openai"
    assert client.attributes["gen_ai.usage.input_tokens"] == said["usage"]["prompt_tokens"]
    assert client.attributes["gen_ai.usage.output_tokens"] == said["usage"]["completion_tokens"]
    assert client.attributes["gen_ai.response.id"] == said["id"]
    _assert_logged(api, "req-plain", trace_id, server.span_id, "chat completed")
    _assert_access(api, "req-plain", trace_id, server.span_id, status=200, model="demo-small")

    audited = api.record("audit", "req-plain")
    assert audited["log.class"] == "audit" and audited["trace_id"] == trace_id
    assert audited["user_id"] == "ada" and audited["model"] == "demo-small"

    log = wait_for(lambda: _otel_log(receiver, "req-plain"), "the OpenTelemetry log record")
    assert (log.trace_id, log.span_id, log.attributes["user.id"]) == (trace_id, server.span_id, "ada")
    _assert_nowhere(api, receiver, _PROMPT, said["message"])


def test_a_stream_ends_with_its_usage(api: Api, receiver: Receiver) -> None:
    answer = api.chat({"model": "demo-large", "message": "Why?", "stream": True}, X_Request_ID="req-stream")

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Request-ID"] == "req-stream"
    *chunks, done = _events(answer)
    assert done == "[DONE]"
    parts = [json.loads(chunk) for chunk in chunks]
    text = "".join(part["choices"][0]["delta"].get("content", "") for part in parts if part["choices"])
    usage = parts[-1]["usage"]
    assert text.endswith(".") and usage["completion_tokens"] > 10

    record = api.record("structlog", "req-stream")
    assert record["stream"] and record["output_tokens"] == usage["completion_tokens"]
    server, client = _server_and_client(receiver.trace(record["trace_id"], 2))
    assert server.span_id == record["span_id"]
    assert client.attributes["http.request.id"] == "req-stream"
    assert client.attributes["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert client.raw.status.code == Status.STATUS_CODE_UNSET
    _assert_access(api, "req-stream", record["trace_id"], record["span_id"], status=200, model="demo-large")


def test_a_stream_that_breaks_off_is_an_error(api: Api, receiver: Receiver) -> None:
    answer = api.chat({"model": "demo-cut", "message": "Why?", "stream": True}, X_Request_ID="req-cut")

    assert answer.status_code == 200
    assert json.loads(_events(answer)[-1])["error"]["type"] == "model_server_failed"
    record = api.record("structlog", "req-cut")
    assert record["level"] == "error" and "APIError" in record["exception"]
    for span in receiver.trace(record["trace_id"], 2):
        assert span.raw.status.code == Status.STATUS_CODE_ERROR
        assert span.attributes["error.type"] == "APIError"


def test_a_caller_who_leaves_ends_the_call(api: Api, receiver: Receiver) -> None:
    body = {"model": "demo-large", "message": "Why?", "stream": True}
    headers = {"Authorization": "Bearer demo-key", "X-Request-ID": "req-left"}
    with httpx.stream("POST", f"{api.server.base_url}/v1/chat", json=body, headers=headers) as answer:
        next(answer.iter_lines())

    record = api.record("structlog", "req-left")
    assert record["event"] == "chat aborted by the caller"
    _, client = _server_and_client(receiver.trace(record["trace_id"], 2))
    assert client.attributes["error.type"] == "CancelledError"
    assert api.record("access", "req-left")["error"] == "aborted"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "error_type"),
    [("demo-error", 502, "InternalServerError"), ("demo-busy", 429, "RateLimitError")],
)
def test_a_failing_model_marks_its_spans(
    api: Api, receiver: Receiver, model: str, status: int, error_type: str, stream: bool
) -> None:
    request_id = f"req-{model}-{stream}"
    answer = api.chat({"model": model, "message": "Why?", "stream": stream}, X_Request_ID=request_id)

    assert answer.status_code == status
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"] == request_id
    record = api.record("logging", request_id)
    assert record["error_type"] == error_type
    server, client = _server_and_client(receiver.trace(record["trace_id"], 2))
    for span in (server, client):
        assert span.raw.status.code == Status.STATUS_CODE_ERROR
        assert span.attributes["http.request.id"] == request_id
    assert client.attributes["error.type"] == error_type
    _assert_logged(api, request_id, record["trace_id"], server.span_id, "chat failed", traceback=status == 502)
    _assert_access(api, request_id, record["trace_id"], server.span_id, status=status, model=model, error=error_type)


@pytest.mark.parametrize("authorization", ["Bearer wrong-key", "Basic ZGVtbw==", ""])
def test_a_caller_without_a_key_is_refused_and_noted(api: Api, authorization: str) -> None:
    request_id = f"req-401-{len(authorization)}"
    # Not even JSON: the key is looked at first.
    answer = httpx.post(
        f"{api.server.base_url}/v1/chat",
        content=b"{",
        headers={"Authorization": authorization, "X-Request-ID": request_id},
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    noted = api.record("security", request_id)
    assert noted["log.class"] == "security" and noted["event"] == "authentication_failed"
    assert len(noted["trace_id"]) == 32 and noted["client"] == "127.0.0.1"
    assert "wrong-key" not in json.dumps(noted)
    access = api.record("access", request_id)
    assert (access["status"], access["route"], access["log.class"]) == (401, "/v1/chat", "request")
    assert api.records("audit", request_id) == []


def test_bad_input_is_refused(api: Api) -> None:
    unknown = api.chat({"model": "no-such-model", "message": "Why?"})
    assert unknown.status_code == 404 and "demo-small" in unknown.json()["error"]["message"]
    empty = api.chat({"model": "demo-small", "message": ""})
    assert empty.status_code == 422 and "body.message" in empty.json()["error"]["message"]
    odd_id = api.chat({"model": "demo-small", "message": "Why?"}, X_Request_ID="x" * 129)
    assert len(odd_id.headers["X-Request-ID"]) == 36


def test_metrics_come_both_ways_with_exemplars(api: Api, receiver: Receiver) -> None:
    trace_id = secrets.token_hex(16)
    api.chat({"model": "demo-small", "message": "Count me."}, traceparent=f"00-{trace_id}-{'1' * 16}-01")

    accept = {"Accept": "application/openmetrics-text"}
    scraped = httpx.get(f"{api.server.base_url}/metrics", headers=accept).text
    assert 'llm_api_requests_total{method="POST",model="demo-small",route="/v1/chat",status="200"}' in scraped
    assert 'llm_api_tokens_total{model="demo-small",type="cached"}' in scraped
    assert f'trace_id="{trace_id}"' in scraped
    for name in ("http.server.request.duration", "gen_ai.client.operation.duration", "gen_ai.client.token.usage"):
        wait_for(lambda name=name: _exemplar(receiver, name, trace_id), f"{name} with an exemplar of {trace_id}")


def _server_and_client(spans: list[Item]) -> tuple[Item, Item]:
    kinds = {span.raw.kind: span for span in spans}
    return kinds[Span.SPAN_KIND_SERVER], kinds[Span.SPAN_KIND_CLIENT]


def _assert_logged(
    api: Api, request_id: str, trace_id: str, span_id: str, message: str, traceback: bool = False
) -> None:
    """Each library in its own shape."""
    loguru, structlog, picologging, logbook, logging = (api.record(library, request_id) for library in LIBRARIES)
    told = {
        "loguru": (loguru["record"]["message"], loguru["record"]["extra"]),
        "structlog": (structlog["event"], structlog),
        "picologging": (picologging["message"], picologging),
        "logbook": (logbook["message"], logbook["extra"]),
        "logging": (logging["message"], logging),
    }
    for library, (said, fields) in told.items():
        found = (said, fields["request_id"], fields["trace_id"], fields["span_id"])
        assert found == (message, request_id, trace_id, span_id), library
        line = json.dumps(api.record(library, request_id))
        assert ("Traceback" in line, "NoneType" in line) == (traceback, False), library


def _assert_access(api: Api, request_id: str, trace_id: str, span_id: str, **fields: Any) -> None:
    line = api.record("access", request_id)
    expected = {
        "log.class": "request",
        "method": "POST",
        "path": "/v1/chat",
        "route": "/v1/chat",
        "request_id": request_id,
        "trace_id": trace_id,
        "span_id": span_id,
        "client": "127.0.0.1",
        **fields,
    }
    assert line == line | expected
    assert line["duration_ms"] > 0 and line["timestamp"].endswith("Z") and line["user_agent"].startswith("python-httpx")


def _assert_nowhere(api: Api, receiver: Receiver, *contents: str) -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in api.log_dir.iterdir())
    sent = "".join(str(item.raw) for item in (*receiver.spans, *receiver.logs))
    for content in contents:
        assert content not in written and content not in sent


def _otel_log(receiver: Receiver, request_id: str) -> Item | None:
    return next((log for log in receiver.logs if log.attributes.get("http.request.id") == request_id), None)


def _exemplar(receiver: Receiver, name: str, trace_id: str) -> bool | None:
    points = [point for metric in receiver.metrics[name] for point in metric.histogram.data_points]
    assert all("http.request.id" not in plain(point.attributes) for point in points)
    return any(exemplar.trace_id.hex() == trace_id for point in points for exemplar in point.exemplars) or None


def _events(answer: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
