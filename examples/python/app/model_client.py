# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks the model server, by OpenAI's SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

_INSTRUCTIONS = "You are a helpful assistant. Answer briefly and say so when you do not know."
_TIMEOUT_SECONDS = 60
_CHUNKS_AHEAD = 16


class ModelClient:
    def __init__(self, base_url: str, key: str) -> None:
        # No retries: each span is one call to the model server, and a 429 is the caller's to know.
        self._client = AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=_TIMEOUT_SECONDS)

    async def complete(self, model: str, message: str) -> ChatCompletion:
        return await self._client.chat.completions.create(model=model, messages=_messages(message))

    def stream(self, model: str, message: str) -> ChatStream:
        return ChatStream(self._client, model, message)

    async def close(self) -> None:
        await self._client.close()


@dataclass(frozen=True)
class _End:
    error: Exception | None = None


class ChatStream:
    """A streamed answer, read by a task of its own.

    The instrumentation attaches the call's span to the context of the task that makes the call and detaches
    it in the one that reads the end; Starlette makes and reads in two different ones.
    """

    def __init__(self, client: AsyncOpenAI, model: str, message: str) -> None:
        self._queue: asyncio.Queue[ChatCompletionChunk | _End] = asyncio.Queue(_CHUNKS_AHEAD)
        self._reader = asyncio.create_task(self._read(client, model, message))

    async def chunks(self) -> AsyncIterator[ChatCompletionChunk]:
        """Raises what made the call or the stream fail."""
        while not isinstance(item := await self._queue.get(), _End):
            yield item
        if item.error:
            raise item.error

    async def close(self) -> None:
        """Ends the call if it still runs: the model server need not go on for nobody."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self, client: AsyncOpenAI, model: str, message: str) -> None:
        try:
            answer = await client.chat.completions.create(
                model=model, messages=_messages(message), stream=True, stream_options={"include_usage": True}
            )
            try:
                async with answer:
                    async for chunk in answer:
                        await self._queue.put(chunk)
            finally:
                # The instrumentation's wrapper ends its span on leaving, but not the connection.
                await answer.response.aclose()
        except Exception as error:  # it is raised again where the chunks are read
            await self._queue.put(_End(error))
        else:
            await self._queue.put(_End())


def _messages(message: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": message}]
