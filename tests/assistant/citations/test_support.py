"""What supports a sentence, and what only looks as if it did."""

import asyncio
import itertools
import random
from collections.abc import Sequence

import pytest

from assistant.citations import SUPPORTED_FROM, Checked, Quoted, Support, check_answer
from assistant.citations.check import MAX_CHARS, MAX_CLAIMS, MAX_SENTENCES
from assistant.citations.matching import MAX_CLAIM_CHARS
from assistant.rendering import render
from inference.server.encoders import MAX_INPUTS
from tests.webapp.library.conftest import vector_of

RULES = Quoted(
    title="Rules of the club",
    text="The membership fee is 30 euros. It is due in May. Members do not pay for the key. Guests pay 12 euros a day.",
)


class WordEmbedder:
    """Texts with the same words are near to each other. Like the server it takes only so many at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        assert len(texts) <= MAX_INPUTS
        self.texts += texts
        return [vector_of(text) for text in texts]


async def checked(answer: str, *passages: Quoted, others: Sequence[Quoted] = ()) -> list[Support]:
    found = await check_answer(render(answer), passages or (RULES,), others, embedder=WordEmbedder())
    assert found is not None
    return list(found.sentences)


async def marked(answer: str, passage: Quoted = RULES) -> list[str]:
    """What a reader would see marked in the passage."""
    return [passage.text[start:end] for each in await checked(answer, passage) for start, end in each.spans]


SUPPORTED = {
    "as it stands": ("The membership fee is 30 euros.", "The membership fee is 30 euros."),
    "in other forms": ("Guests are paying twelve euros for each day.", "Guests pay 12 euros a day."),
    "with what its title says": ("In the club the fee is 30 euros.", "The membership fee is 30 euros."),
    "denied in both": ("Members never pay for the key.", "Members do not pay for the key."),
}
CHANGED = {
    "another number": "The membership fee is 50 euros.",
    "another number of the passage": "The membership fee is 12 euros.",
    "denied": "The membership fee is not 30 euros.",
    "no longer denied": "Members do pay for the key.",
    "one number more": "The membership fee is 30 euros for 3 months.",
}
# Passage, what it supports, the same with another number, the same denied.
LANGUAGES = {
    "German": (
        "Die Mitgliedsgebühr beträgt 1.500,50 Euro. Mitglieder bekommen einen Schlüssel.",
        "Mitgliedsgebühr: Sie beträgt 1500,5 Euro.",
        "Mitgliedsgebühr: Sie beträgt 1600 Euro.",
        "Mitglieder bekommen keinen Schlüssel.",
    ),
    "Spanish": (
        "La cuota de socio es de 30 euros y vence en mayo. Los socios reciben una llave.",
        "La cuota es de 30 euros.",
        "La cuota es de 40 euros.",
        "Los socios no reciben una llave.",
    ),
    "Arabic": (
        "تبلغ رسوم العضوية ٣٠ يورو. يحصل الأعضاء على مفتاح.",
        "رسوم العضوية 30 يورو.",
        "رسوم العضوية 50 يورو.",
        "لا يحصل الأعضاء على مفتاح.",
    ),
    "Chinese": (
        "会员费是30欧元，五月到期。会员会得到一把钥匙。",
        "会员费是30欧元。",
        "会员费是50欧元。",
        "会员不会得到一把钥匙。",
    ),
    "Japanese": (
        "会費は30ユーロで、5月に支払います。会員は鍵をもらえます。",
        "会費は30ユーロです。",
        "会費は50ユーロです。",
        "会員は鍵をもらえません。",
    ),
}


@pytest.mark.parametrize(("said", "place"), SUPPORTED.values(), ids=SUPPORTED.keys())
async def test_a_sentence_that_the_passage_says_is_supported_by_that_place(said: str, place: str) -> None:
    """By the sentence that says it, and no other."""
    assert await marked(said) == [place]


@pytest.mark.parametrize("said", CHANGED.values(), ids=CHANGED.keys())
async def test_what_matters_may_not_be_changed(said: str) -> None:
    """Nearly the same words, and yet the passage does not say so: it is about it, and nothing is marked in it."""
    (sentence,) = await checked(said)
    assert (sentence.passage, sentence.is_supported, sentence.spans) == (1, False, ())


@pytest.mark.parametrize(("passage", "said", "renumbered", "denied"), LANGUAGES.values(), ids=LANGUAGES.keys())
async def test_it_is_the_same_in_other_languages(passage: str, said: str, renumbered: str, denied: str) -> None:
    """With their digits, their marks for thousands and their words for "not", also where nothing parts the words."""
    quoted = Quoted(text=passage)
    scores = [
        max((each.score for each in await checked(text, quoted)), default=0) for text in (said, renumbered, denied)
    ]
    assert [score >= SUPPORTED_FROM for score in scores] == [True, False, False]


async def test_two_sentences_support_what_takes_of_both() -> None:
    """Both are shown, as the places they are."""
    text = "The garden closes at sunset. The tower opens at noon for visitors."
    said = "The garden closes at sunset and the tower opens at noon for visitors."
    assert await marked(said, Quoted(text=text)) == [
        "The garden closes at sunset.",
        "The tower opens at noon for visitors.",
    ]


async def test_each_sentence_finds_its_own_passage() -> None:
    """They count from 1, as people see them."""
    other = Quoted(title="Birds", text="Penguins cannot fly. Gulls follow ships.")
    found = await checked("Gulls follow ships. Guests pay 12 euros a day.", RULES, other)
    assert [(each.passage, each.is_supported) for each in found] == [(2, True), (1, True)]


async def test_what_is_about_something_else_is_left_alone() -> None:
    """So is what claims nothing: a question, a greeting, "Yes."."""
    assert await checked("Bananas ripen quickly in warm kitchens. Yes. Is the membership fee 30 euros?") == []


async def test_what_was_not_taken_from_a_passage_needs_none() -> None:
    """What a tool found: better there than in the passage."""
    said = "The membership fee is 50 euros."
    assert await checked(said, RULES, others=[Quoted(text="Web: the membership fee is 50 euros now.")]) == []


async def test_places_are_those_of_the_rendered_block() -> None:
    """Marks of Markdown are not counted, for the page cannot see them."""
    answer = "# Fees\n\nWell. **The** membership fee is 30 euros."
    (sentence,) = await checked(answer)
    assert (sentence.block, sentence.start, sentence.end) == (1, 6, 37)


@pytest.mark.parametrize("seed", range(10))
async def test_a_passage_supports_each_of_its_own_sentences(seed: int) -> None:
    """Whatever they say, in whatever order an answer repeats them; and none with a number it does not have."""
    rng = random.Random(seed)
    subjects = rng.sample(["garden", "tower", "bridge", "harbour", "market", "library", "station", "castle"], 6)
    verbs = itertools.cycle(["opens at", "was built in", "never closes before", "has a height of"])
    sentences = [f"The {subject} {next(verbs)} {rng.randrange(20, 99)}." for subject in subjects]
    passage = Quoted(text=" ".join(sentences))
    rng.shuffle(sentences)
    found = await checked(" ".join(sentences), passage)
    assert [[passage.text[start:end] for start, end in each.spans] for each in found] == [[each] for each in sentences]
    changed = [sentence.replace(sentence[-4:-1], " 7") for sentence in sentences]
    assert not any(each.is_supported for each in await checked(" ".join(changed), passage))


async def test_it_takes_no_longer_than_a_moment_whatever_there_is() -> None:
    """The first sentences of a long answer; nothing where there is more to read than can be read."""
    long_answer = " ".join(f"Guests pay {number} euros a day." for number in range(100, 300))
    assert len(await checked(long_answer)) == MAX_CLAIMS
    long_passage = Quoted(text="Guests pay 12 euros a day. " * (MAX_SENTENCES + 1))
    embedder = WordEmbedder()
    assert await check_answer(render("Guests pay."), [long_passage], [], embedder=embedder) is None
    endless = [Quoted(text="a" * MAX_CHARS), Quoted(text="b")]
    assert await check_answer(render("Guests pay."), [], endless, embedder=embedder) is None
    assert embedder.texts == []
    no_sentence = " ".join(f"word{number}" for number in range(MAX_CLAIM_CHARS))
    assert len(await checked(f"{no_sentence}. Guests pay 12 euros a day.")) == 1


async def test_a_long_answer_is_checked_beside_long_passages() -> None:
    """The embeddings of all of it do not fit into one request."""
    sentences = [f"Guest {number} pays {number} euros." for number in range(MAX_SENTENCES)]
    found = await checked(" ".join(sentences[-3:]), Quoted(text=" ".join(sentences)))
    assert [each.is_supported for each in found] == [True] * 3


async def test_whoever_waits_for_the_check_can_stop_waiting() -> None:
    """Comparing words is work, too: a limit of time is seen between two sentences."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await checked("Guests pay 12 euros a day. The membership fee is 30 euros.")


async def test_an_answer_without_claims_asks_for_no_embeddings() -> None:
    """Nor one whose passages say nothing."""
    embedder = WordEmbedder()
    for answer, passage in (("Yes!", RULES), ("The fee is 30 euros.", Quoted(text="***"))):
        assert await check_answer(render(answer), [passage], [], embedder=embedder) == Checked(sentences=())
    assert embedder.texts == []
