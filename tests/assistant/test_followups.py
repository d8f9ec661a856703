"""What to ask next: it fits the answer, and its language."""

import pytest

from assistant.followups import MAX_CHARS, NUM_FOLLOWUPS, followups_from, read_followups, shape_of

PROSE = "Llamas keep warm because the wool is thick and the air in it is still."


@pytest.mark.parametrize(
    ("question", "answer", "shape"),
    [
        ("How?", "Do this:\n```python\nx = 1\n```\n- a\n- b", "code"),
        ("Write a story about llamas", PROSE, "story"),
        ("Write an e-mail to Ada", PROSE, "letter"),
        ("How?", "1. Wash\n2. Cut\n3. Cook\n", "steps"),
        ("What?", "- wool\n- hair\n", "list"),
        ("What?", "| a | b |\n|---|---|\n| 1 | 2 |\n", "table"),
        ("Why?", PROSE, "explanation"),
    ],
)
def test_the_shape_of_an_answer_is_seen(question: str, answer: str, shape: str) -> None:
    assert shape_of(question, answer) == shape


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        (PROSE, "Give me an example"),
        (
            "Lamas haben es warm, weil die Wolle dick ist und der Wind nicht durch die Haare kommt.",
            "Gib mir ein Beispiel",
        ),
        ("Las llamas no tienen frío por la lana, que es muy densa y guarda el aire de la piel.", "Dame un ejemplo"),
        ("تبقى اللاما دافئة لأن صوفها كثيف ويحبس الهواء بالقرب من الجلد.", "أعطني مثالًا"),
    ],
)
def test_they_are_in_the_language_of_the_answer(answer: str, first: str) -> None:
    found = followups_from("?", answer, is_worked_out=False)
    assert found[0] == first
    assert len(set(found)) == NUM_FOLLOWUPS and all(len(text) <= MAX_CHARS for text in found)


def test_a_short_answer_or_an_unknown_language_has_none() -> None:
    assert followups_from("Hi", "Hello!", is_worked_out=False) == ()
    assert (
        followups_from("Co?", "Lamy mają ciepło dzięki grubej wełnie, która zatrzymuje powietrze.", is_worked_out=False)
        == ()
    )
    assert followups_from("12*7", "12 × 7 = **84**", is_worked_out=True)


def test_a_models_are_taken_once_each_and_only_short() -> None:
    reply = '{"followups": ["Why?", "Why?", "' + "x" * 200 + '", 3, "How\\nso?"]}'
    assert read_followups(reply) == ("Why?", "How so?")
    assert read_followups("nonsense") == read_followups('{"followups": 3}') == ()
