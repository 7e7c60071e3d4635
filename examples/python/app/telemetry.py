# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry: traces, metrics and logs over OTLP/HTTP, and the instrumentations.

Everything else is the SDK's own configuration by OTEL_ variables: endpoint, batch delays, intervals, resource.
"""

from __future__ import annotations

import asyncio
import logging
import os

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.correlation import IdentityLogProcessor, IdentitySpanProcessor

_DEFAULTS = {
    "OTEL_SERVICE_NAME": "example-llm-api",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    # The stable HTTP names, and gen_ai.provider.name where the old ones say gen_ai.system.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,gen_ai_latest_experimental",
}
_NOT_TRACED = "/healthz$,/metrics$"


class Telemetry:
    def __init__(self) -> None:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(IdentitySpanProcessor())
        self._tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
        self._loggers = LoggerProvider()
        self._loggers.add_log_record_processor(IdentityLogProcessor())
        self._loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        self._log_handler = LoggingHandler(logger_provider=self._loggers)

    def instrument(self, app: FastAPI) -> None:
        # A span for each ASGI message would be one for each streamed chunk.
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=self._tracers,
            meter_provider=self._meters,
            excluded_urls=_NOT_TRACED,
            exclude_spans=["receive", "send"],
        )
        OpenAIInstrumentor().instrument(
            tracer_provider=self._tracers, meter_provider=self._meters, logger_provider=self._loggers
        )
        # What the exporters say about their own failures must not feed them.
        self._log_handler.addFilter(lambda record: not record.name.startswith("opentelemetry"))
        logging.getLogger().addHandler(self._log_handler)

    async def shutdown(self) -> None:
        """Sends what is still held; all at once, as each may wait for a collector that does not answer."""
        logging.getLogger().removeHandler(self._log_handler)
        await asyncio.gather(
            *(asyncio.to_thread(provider.shutdown) for provider in (self._tracers, self._meters, self._loggers))
        )
