# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""One model server, one collector and one API for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.otlp_receiver import Receiver
from tests.processes import Api, Server, running, running_api

_SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "200",
}


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def model_server() -> Iterator[Server]:
    with running("app.model_server", {}) as server:
        yield server


@pytest.fixture(scope="session")
def api(model_server: Server, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(model_server.base_url, receiver.endpoint, tmp_path_factory.mktemp("logs"), **_SOON) as api:
        yield api
