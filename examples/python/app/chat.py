# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/chat: one message in, one answer out, whole or as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from opentelemetry import trace
from pydantic import BaseModel, StringConstraints
from starlette.types import Receive, Scope, Send

from app.auth import KeyedRoute
from app.call import Call, CallReport
from app.correlation import current_identity
from app.errors import ApiError, from_upstream
from app.json_lines import JsonLines
from app.model_client import ModelClient


class ChatRequest(BaseModel):
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    message: Annotated[str, StringConstraints(min_length=1, max_length=32_000)]
    stream: bool = False


class Chat:
    def __init__(self, models: tuple[str, ...], client: ModelClient, report: CallReport, audit: JsonLines) -> None:
        self._models = models
        self._client = client
        self._report = report
        self._audit = audit
        self.router = APIRouter(route_class=KeyedRoute)
        self.router.add_api_route("/v1/chat", self.answer, methods=["POST"], response_model=None)

    async def answer(self, asked: ChatRequest, request: Request) -> Response:
        if asked.model not in self._models:
            raise ApiError(404, "model_not_found", f"no such model; there are {', '.join(self._models)}")
        request.state.model = asked.model
        # On the server span too, so that its rate and latency can be told apart by route and model.
        trace.get_current_span().set_attribute("gen_ai.request.model", asked.model)
        self._write_audit(asked, request)
        call = Call(asked.model, asked.stream)
        if asked.stream:
            return await self._answer_streamed(asked, request, call)
        return await self._answer_whole(asked, request, call)

    async def _answer_whole(self, asked: ChatRequest, request: Request, call: Call) -> Response:
        try:
            completion = await self._client.complete(asked.model, asked.message)
            call.complete(completion.choices[0].finish_reason, completion.usage)
        except Exception as error:  # the SDK's own, and what comes of an answer that is not OpenAI's
            call.fail(error)
            raise from_upstream(error) from error
        finally:
            self._report.ended(call, request)
        return JSONResponse(_whole(completion))

    async def _answer_streamed(self, asked: ChatRequest, request: Request, call: Call) -> Response:
        stream = self._client.stream(asked.model, asked.message)
        chunks = stream.chunks()
        try:
            # Up to the first chunk a failure can still be told by the status; a stream without any is one.
            first = await anext(chunks)
        except Exception as error:
            call.fail(error)
            self._report.ended(call, request)
            raise from_upstream(error) from error

        async def left() -> None:
            await stream.close()
            if call.aborted:
                self._report.ended(call, request)

        # Told before the last byte is out, because that byte ends the server span.
        events = _events(first, chunks, call, lambda: self._report.ended(call, request))
        return _EventStream(events, left)

    def _write_audit(self, asked: ChatRequest, request: Request) -> None:
        identity = current_identity()
        self._audit.write(
            "info",
            event="model_called",
            model=asked.model,
            stream=asked.stream,
            user_id=identity.user_id if identity else None,
            key_fingerprint=request.state.key_fingerprint,
            client=request.client.host if request.client else None,
        )


class _EventStream(StreamingResponse):
    """Knows when it is over, also where the caller has gone before the first event or in the middle."""

    def __init__(self, events: AsyncIterator[str], left: Callable[[], Awaitable[None]]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._left()


async def _events(
    first: ChatCompletionChunk,
    chunks: AsyncIterator[ChatCompletionChunk],
    call: Call,
    ended: Callable[[], None],
) -> AsyncIterator[str]:
    finish_reason = usage = None
    chunk: ChatCompletionChunk | None = first
    try:
        while chunk:
            usage = chunk.usage or usage
            if chunk.choices:
                finish_reason = chunk.choices[0].finish_reason or finish_reason
            yield f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n"
            chunk = await anext(chunks, None)
    except Exception as error:
        call.fail(error)
        ended()
        yield f"data: {json.dumps(from_upstream(error).body())}\n\n"
        return
    call.complete(finish_reason, usage)
    ended()
    yield "data: [DONE]\n\n"


def _whole(completion: ChatCompletion) -> dict[str, object]:
    choice = completion.choices[0]
    return {
        "id": completion.id,
        "model": completion.model,
        "message": choice.message.content,
        "finish_reason": choice.finish_reason,
        "usage": completion.usage.model_dump() if completion.usage else None,
    }
