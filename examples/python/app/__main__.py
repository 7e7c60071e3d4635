# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""python -m app: the example LLM API."""

from __future__ import annotations

import os
import sys

from app import settings
from app.listen import log_to_stderr, serve
from app.server import build
from app.telemetry import Telemetry


def main() -> None:
    chosen = settings.load()
    log_to_stderr()
    telemetry = Telemetry()
    try:
        app = build(chosen, telemetry)
    except OSError as error:
        sys.exit(f"app: cannot write logs under LOG_DIR={chosen.log_dir}: {error.strerror}")

    def announce(base_url: str) -> None:
        endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        print(f"example LLM API: POST {base_url}/v1/chat, metrics at {base_url}/metrics", flush=True)
        print(f"telemetry to {endpoint}, logs in {chosen.log_dir.resolve()}", flush=True)

    serve(app, "app", chosen.host, chosen.port, announce)


if __name__ == "__main__":
    main()
