# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""What the environment and the command line may say, with safe defaults."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
API_PORT = 8000
MODEL_SERVER_PORT = 8001

FAILING_MODEL = "demo-error"
BUSY_MODEL = "demo-busy"
BREAKING_MODEL = "demo-cut"
_MODELS = f"demo-small,demo-large,{FAILING_MODEL},{BUSY_MODEL},{BREAKING_MODEL}"


def served_models(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The models by name. A fixed list keeps metric labels bounded, whatever callers ask for."""
    return _words(env.get("EXAMPLE_MODELS", _MODELS))


def model_server_key(env: Mapping[str, str] = os.environ) -> str:
    """The key between the API and its model server.

    Not OPENAI_API_KEY: a real key lying in someone's shell must not be sent to a stand-in.
    """
    return env.get("EXAMPLE_MODEL_KEY", "stand-in-key")


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    model_server: str
    model_server_key: str
    api_keys: tuple[str, ...]
    models: tuple[str, ...]
    log_dir: Path


def load(arguments: list[str] | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    options = _parser(env).parse_args(arguments)
    return Settings(
        host=options.host,
        port=options.port,
        model_server=options.model_server.rstrip("/"),
        model_server_key=model_server_key(env),
        api_keys=_words(env.get("EXAMPLE_API_KEYS", "demo-key")),
        models=served_models(env),
        log_dir=Path(env.get("LOG_DIR", "logs")),
    )


def add_listen_options(parser: argparse.ArgumentParser, env: Mapping[str, str], port_variable: str, port: int) -> None:
    parser.add_argument("--host", default=env.get("EXAMPLE_HOST", LOOPBACK), help="address to listen on")
    parser.add_argument(
        "--port", type=int, default=env.get(port_variable, str(port)), help="port to listen on; 0 takes a free one"
    )


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app", description="Example LLM API.")
    add_listen_options(parser, env, "EXAMPLE_PORT", API_PORT)
    parser.add_argument(
        "--model-server",
        default=env.get("EXAMPLE_MODEL_SERVER", f"http://{LOOPBACK}:{MODEL_SERVER_PORT}/v1"),
        help="base URL of an OpenAI-compatible model server",
    )
    return parser


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
