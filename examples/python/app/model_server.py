# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""python -m app.model_server: a stand-in for a model server.

It speaks the part of OpenAI's API that the example needs and returns made-up text: no model is loaded or run.
Usage, ids and latency follow the number of tokens. Three model names fail on purpose: demo-error answers 500,
demo-busy 429, and demo-cut breaks its stream off.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from app import made_up, settings
from app.listen import log_to_stderr, serve

_EMBEDDING_MODEL = "demo-embedding"
_CHUNKS_BEFORE_CUT = 3


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatMessage(BaseModel):
    role: str
    content: str


class ChatCompletionRequest(BaseModel):
    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)


class EmbeddingRequest(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: str = "float"
    dimensions: int | None = Field(default=None, ge=1, le=4096)


@dataclass(frozen=True)
class Speed:
    first_token: float  # seconds
    each_token: float


class OpenAIError(Exception):
    """An error as OpenAI's API words it."""

    def __init__(
        self, status: int, kind: str, code: str | None, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        self.headers = headers


@dataclass(frozen=True)
class Completion:
    """What both forms of a chat answer share."""

    id: str
    created: int
    model: str
    answer: made_up.Answer
    usage: dict[str, Any]

    def envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_standin",
            "choices": choices,
        }

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.answer.finish_reason}
        return {**self.envelope("chat.completion", [choice]), "usage": self.usage}

    def chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self.envelope("chat.completion.chunk", [choice])

    def usage_chunk(self) -> dict[str, Any]:
        return {**self.envelope("chat.completion.chunk", []), "usage": self.usage}


class ModelServer:
    def __init__(self, models: tuple[str, ...], key: str, speed: Speed) -> None:
        self._models = models
        self._key = key.encode()
        self._speed = speed
        self._prefixes = made_up.PrefixCache()

    def authenticate(self, request: Request) -> None:
        presented = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(presented.encode(), self._key):
            raise OpenAIError(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided.")

    def models(self) -> dict[str, Any]:
        names = (*self._models, _EMBEDDING_MODEL)
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "stand-in"} for name in names],
        }

    async def chat(self, asked: ChatCompletionRequest) -> Response:
        self._check_model(asked.model, self._models)
        completion = self._complete(asked)
        if asked.stream:
            with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            return StreamingResponse(self._events(completion, with_usage), media_type="text/event-stream")
        await asyncio.sleep(self._speed.first_token + self._speed.each_token * len(completion.answer.pieces))
        return JSONResponse(completion.whole())

    async def embeddings(self, asked: EmbeddingRequest) -> dict[str, Any]:
        self._check_model(asked.model, (_EMBEDDING_MODEL,))
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        await asyncio.sleep(self._speed.first_token)
        vectors = [made_up.embedding(asked.model, text, asked.dimensions) for text in texts]
        used = sum(len(made_up.tokens(text)) for text in texts)
        return {
            "object": "list",
            "model": asked.model,
            "data": [
                {"object": "embedding", "index": index, "embedding": _encoded(vector, asked.encoding_format)}
                for index, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }

    def _check_model(self, name: str, served: tuple[str, ...]) -> None:
        if name == settings.FAILING_MODEL:
            raise OpenAIError(500, "server_error", None, "The server had an error while processing your request.")
        if name == settings.BUSY_MODEL:
            raise OpenAIError(429, "requests", "rate_limit_exceeded", "Rate limit reached.", {"Retry-After": "1"})
        if name not in served:
            raise OpenAIError(404, "invalid_request_error", "model_not_found", "The model does not exist.")

    def _complete(self, asked: ChatCompletionRequest) -> Completion:
        prompt = "\n".join(f"{message.role}: {message.content}" for message in asked.messages)
        prompt_tokens = made_up.tokens(prompt)
        answer = made_up.answer(asked.model, prompt, asked.max_completion_tokens or asked.max_tokens)
        cached = self._prefixes.look_up(asked.model, prompt_tokens)
        usage = {
            "prompt_tokens": len(prompt_tokens),
            "completion_tokens": len(answer.pieces),
            "total_tokens": len(prompt_tokens) + len(answer.pieces),
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }
        return Completion(f"chatcmpl-{uuid4().hex}", int(time()), asked.model, answer, usage)

    async def _events(self, completion: Completion, with_usage: bool) -> AsyncIterator[str]:
        await asyncio.sleep(self._speed.first_token)
        yield _event(completion.chunk({"role": "assistant", "content": ""}))
        for position, piece in enumerate(completion.answer.pieces):
            if completion.model == settings.BREAKING_MODEL and position == _CHUNKS_BEFORE_CUT:
                failure = OpenAIError(500, "server_error", None, "The server had an error while answering.")
                yield _event(failure.body)
                return
            await asyncio.sleep(self._speed.each_token)
            yield _event(completion.chunk({"content": piece}))
        yield _event(completion.chunk({}, completion.answer.finish_reason))
        if with_usage:
            yield _event(completion.usage_chunk())
        yield "data: [DONE]\n\n"


def build(server: ModelServer) -> FastAPI:
    app = FastAPI(title="Stand-in for a model server")

    @app.exception_handler(OpenAIError)
    async def failed(_request: Request, error: OpenAIError) -> JSONResponse:
        return JSONResponse(error.body, error.status, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        fault = error.errors()[0]
        refusal = OpenAIError(400, "invalid_request_error", None, f"{fault['loc'][-1]}: {fault['msg']}")
        return JSONResponse(refusal.body, refusal.status)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    async def models(request: Request) -> dict[str, Any]:
        server.authenticate(request)
        return server.models()

    @app.post("/v1/chat/completions", response_model=None)
    async def chat(asked: ChatCompletionRequest, request: Request) -> Response:
        server.authenticate(request)
        return await server.chat(asked)

    @app.post("/v1/embeddings")
    async def embeddings(asked: EmbeddingRequest, request: Request) -> dict[str, Any]:
        server.authenticate(request)
        return await server.embeddings(asked)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="app.model_server", description=__doc__.splitlines()[0])
    settings.add_listen_options(parser, os.environ, "EXAMPLE_MODEL_PORT", settings.MODEL_SERVER_PORT)
    parser.add_argument("--first-token-ms", type=float, default=20, help="time until the first token")
    parser.add_argument("--token-ms", type=float, default=2, help="time for each further token")
    options = parser.parse_args()
    log_to_stderr()
    speed = Speed(options.first_token_ms / 1000, options.token_ms / 1000)
    app = build(ModelServer(settings.served_models(), settings.model_server_key(), speed))
    serve(app, "app.model_server", options.host, options.port, lambda url: print(f"model server: {url}/v1", flush=True))


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n"


def _encoded(vector: list[float], encoding: str) -> list[float] | str:
    """The SDK asks for base64 by default: little-endian 32-bit floats."""
    if encoding != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


if __name__ == "__main__":
    main()
