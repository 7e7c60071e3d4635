# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for a model server, asked with OpenAI's own SDK."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.processes import Server

_QUESTION = [{"role": "user", "content": "How does a scheduler decide which of the requests that wait goes first?"}]


@pytest.fixture(scope="module")
def client(model_server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{model_server.base_url}/v1", api_key="stand-in-key", max_retries=0) as client:
        yield client


def test_the_same_question_has_the_same_answer(client: openai.OpenAI) -> None:
    first, second = (client.chat.completions.create(model="demo-small", messages=_QUESTION) for _ in range(2))
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.id != second.id
    assert second.usage.total_tokens == second.usage.prompt_tokens + second.usage.completion_tokens
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens == 16


def test_max_tokens_cuts_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo-small", messages=_QUESTION, max_completion_tokens=5)
    assert answer.usage.completion_tokens == 5
    assert answer.choices[0].finish_reason == "length"


def test_a_stream_says_its_usage_only_if_asked(client: openai.OpenAI) -> None:
    plain = list(client.chat.completions.create(model="demo-small", messages=_QUESTION, stream=True))
    counted = list(
        client.chat.completions.create(
            model="demo-small", messages=_QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    assert all(chunk.usage is None for chunk in plain)
    assert counted[-1].choices == [] and counted[-1].usage.completion_tokens == len(counted) - 3


def test_embeddings_are_unit_vectors(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="demo-embedding", input=["one", "two"])
    assert len(answer.data) == 2 and answer.usage.prompt_tokens == 2
    assert sum(value * value for value in answer.data[0].embedding) == pytest.approx(1, abs=1e-5)


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert {"demo-small", "demo-error", "demo-embedding"} <= {model.id for model in client.models.list()}


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("demo-error", openai.InternalServerError),
        ("demo-busy", openai.RateLimitError),
        ("no-such-model", openai.NotFoundError),
    ],
)
def test_models_fail_as_named(client: openai.OpenAI, model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.chat.completions.create(model=model, messages=_QUESTION)


def test_a_bad_key_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(model="demo-small", messages=_QUESTION)
