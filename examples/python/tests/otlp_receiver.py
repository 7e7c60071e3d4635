# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny OTLP/HTTP collector: keeps what it is sent, decoded, for the tests to look at."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

_REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
_PATIENCE_SECONDS = 60
Found = TypeVar("Found")


@dataclass(frozen=True)
class Item:
    """A span or a log record."""

    raw: Any
    service: str

    @property
    def attributes(self) -> dict[str, Any]:
        return plain(self.raw.attributes)

    @property
    def trace_id(self) -> str:
        return self.raw.trace_id.hex()

    @property
    def span_id(self) -> str:
        return self.raw.span_id.hex()


class Receiver:
    def __init__(self) -> None:
        self.spans: list[Item] = []
        self.logs: list[Item] = []
        # Every export of each: an exemplar is in the one after its measurement only.
        self.metrics: defaultdict[str, list[Metric]] = defaultdict(list)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if request := _REQUESTS.get(self.path):
                    receiver._take(request.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace(self, trace_id: str, at_least: int) -> list[Item]:
        """The spans of one trace, once there are that many."""

        def complete() -> list[Item] | None:
            spans = [span for span in self.spans if span.trace_id == trace_id]
            return spans if len(spans) >= at_least else None

        return wait_for(complete, f"{at_least} spans of trace {trace_id}")

    def _take(self, request: Any) -> None:
        for resource in getattr(request, "resource_spans", ()):
            self.spans += (Item(span, _service(resource)) for scope in resource.scope_spans for span in scope.spans)
        for resource in getattr(request, "resource_logs", ()):
            self.logs += (Item(log, _service(resource)) for scope in resource.scope_logs for log in scope.log_records)
        for resource in getattr(request, "resource_metrics", ()):
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                self.metrics[metric.name].append(metric)


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    end = monotonic() + _PATIENCE_SECONDS
    while (found := look()) is None:
        assert monotonic() < end, f"{what}: not within {_PATIENCE_SECONDS} s"
        sleep(0.05)
    return found


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(element) for element in value.array_value.values]
    return getattr(value, kind) if kind else None


def _service(resource: Any) -> str:
    return plain(resource.resource.attributes)["service.name"]
