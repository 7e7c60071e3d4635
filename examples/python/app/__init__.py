# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""An example LLM API, observed with OpenTelemetry, and a stand-in for its model server."""
