"""Search by meaning with the real encoder: what is found, and for what nothing is."""

from functools import partial

import pytest
from asgiref.sync import async_to_sync

from retrieval.passages import split_passages
from retrieval.quantised import quantise, similarities
from tests.minilm import MiniLM
from tests.webapp.chat.test_search import say
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.chat.ports import TextEncoder
from webapp.chat.services.embedding import embed_waiting
from webapp.chat.services.search import search
from webapp.chat.services.search_meaning import similar
from webapp.wiring.library import PIECE_WORDPIECES, is_english

pytestmark = pytest.mark.django_db

CHATS = {
    "puncture": "Repairing a puncture takes about half an hour. First take the wheel off and let out the rest of the "
    "air. Lift one side of the tire over the rim with two levers and pull out the inner tube. Pump it up a little and "
    "hold it under water. Where bubbles rise, roughen the rubber, put on glue and press the patch on firmly.",
    "bread": "Knead the dough for ten minutes. Let it rest for an hour under a cloth. Then bake it at 230 degrees.",
    "salary": "Write down what you achieved this year, with numbers. Ask for a meeting and name the raise you want "
    "first. Stay calm if your boss says no.",
    "sleep": "Go to bed at the same time each evening, leave your phone in another room, and avoid coffee after noon.",
    "code": "Use a list comprehension:\n\n```python\nsquares = [n * n for n in range(10)]\n```\n\nThat is one line.",
    "greeting": "Hello! How can I help you today? If you have any more questions, feel free to ask.",
    "trip": "For three days in Lisbon, start in Alfama, take tram 28 up the hill, and spend the second day in Sintra.",
    "letter": "Dear Ms Novak, thank you for your message. I am writing to ask for a later date for the delivery.",
    "Schlafen": "Gehen Sie jeden Abend zur gleichen Zeit ins Bett und trinken Sie nachmittags keinen Kaffee.",
    "Dormir": "Acuéstese cada noche a la misma hora y no tome café por la tarde.",
    "نوم": "اذهب إلى الفراش كل مساء في نفس الوقت ولا تشرب القهوة بعد الظهر.",
}
MEANT = {
    "how to fix a flat bicycle tyre": "puncture",
    "insomnia tips": "sleep",
    "I can't fall asleep at night": "sleep",
    "asking for more money at work": "salary",
    "holiday in Portugal": "trip",
    "generate numbers in a loop": "code",
}
ABOUT_NOTHING_HERE = [
    "asdf qwer",
    "zxcv",
    "quarterly tax return",
    "train a dragon",
    "volcano eruption in Iceland",
    "chess opening theory",
    "the",
    "xylophone",
    "capital of Mongolia",
    "lorem ipsum",
    "aaaa",
    "guitar chords",
    "football results",
    "lawn mower won't start",
    "Gitarre lernen",
    "discurso de boda",
    "تعلم الجيتار",
]


def test_other_words_for_the_same_are_found_and_nonsense_finds_nothing(person: User) -> None:
    """The threshold was chosen on these; another encoder or other pieces must not undo it. In languages that the
    encoder does not know everything is like everything: of those chats the words are found alone."""
    encoder = TextEncoder(
        name="MiniLM",
        dim=384,
        embedder=MiniLM(),
        reads=is_english,
        cut=partial(split_passages, max_wordpieces=PIECE_WORDPIECES),
        quantise=quantise,
        similarities=similarities,
    )
    for name, answer in CHATS.items():
        say(Conversation.objects.create(owner=person, title=name), "Please tell me.", answer)
    async_to_sync(embed_waiting)(encoder, run_s=60)

    def titles(query: str) -> list[str]:
        hits = async_to_sync(similar)(person, query, encoder=encoder)
        return [hit.conversation.title for hit in hits or []]

    assert search(person, "how to fix a flat bicycle tyre") == []
    assert {query: titles(query)[:1] for query in MEANT} == {query: [name] for query, name in MEANT.items()}
    assert {query: titles(query) for query in ABOUT_NOTHING_HERE} == {query: [] for query in ABOUT_NOTHING_HERE}
