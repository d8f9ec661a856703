import re

import pytest

from assistant.safety.help_lines import DIRECTORY_URL, HELP_LINES
from assistant.safety.notices import Notice, merged, notices_for, refusal_html
from assistant.safety.verdict import Action, Verdict


def verdict(
    action: Action,
    *violated: str,
    is_degraded: bool = False,
    is_unchecked: bool = False,
    knows_language: bool = True,
    reads_others: bool = False,
) -> Verdict:
    return Verdict(
        action=action,
        score=0.6,
        violated=violated,
        guard_id="test",
        policy_version="1",
        latency_ms=1.0,
        is_degraded=is_degraded,
        is_unchecked=is_unchecked,
        knows_language=knows_language,
        reads_others=reads_others,
    )


@pytest.mark.parametrize(
    ("judged", "kinds"),
    [
        (verdict("allow"), []),
        (verdict("log", "hate"), []),
        (verdict("inform", "self_harm"), ["help_lines"]),
        (verdict("inform", "specialized_advice"), ["advice"]),
        (verdict("inform", "self_harm", "specialized_advice"), ["help_lines", "advice"]),
        (verdict("inform", knows_language=False), ["language"]),
        (verdict("inform", "specialized_advice", knows_language=False), ["advice", "language"]),
        (verdict("warn", "hate", knows_language=False), ["warning", "language"]),
        (verdict("allow", knows_language=False), []),
        (verdict("warn", "hate"), ["warning"]),
        (verdict("warn", "self_harm"), ["help_lines", "warning"]),
        (verdict("allow", is_degraded=True), ["reduced_checking"]),
        (verdict("allow", is_unchecked=True), ["unchecked"]),
        (verdict("allow", is_unchecked=True, is_degraded=True), ["unchecked"]),
    ],
)
def test_each_action_says_what_it_has_to_say(judged: Verdict, kinds: list[str]) -> None:
    """And nothing where there is nothing to say."""
    assert [notice.kind for notice in notices_for(judged, country="")] == kinds


def test_a_warning_names_the_rule_in_plain_words() -> None:
    (notice,) = notices_for(verdict("warn", "hate"), country="")
    assert "hate against groups of people" in notice.html


def test_help_is_that_of_the_country() -> None:
    """A number near the person, and always the directory; without a country the directory alone."""
    (british,), (unknown,) = (notices_for(verdict("inform", "self_harm"), country=code) for code in ("gb", "XX"))
    assert "Samaritans" in british.html
    assert "116 123" in british.html
    assert DIRECTORY_URL in british.html
    assert DIRECTORY_URL in unknown.html
    assert "emergency services" in unknown.html


def test_a_language_is_hardly_read_or_less_well() -> None:
    """A large model reads a little of every one; of the classifier that would be a lie."""
    for reads_others, said in ((False, "hardly reads"), (True, "was not made for")):
        (notice,) = notices_for(verdict("inform", knows_language=False, reads_others=reads_others), country="")
        assert said in notice.html


def test_no_notice_is_shown_twice() -> None:
    """A reply has many verdicts; the first of a kind stays where it is."""
    first, again, other = Notice("advice", "a"), Notice("advice", "b"), Notice("language", "c")
    assert merged([first], [again, other]) == [first, other]


def test_a_warning_of_something_else_is_shown_too() -> None:
    """The message touched on one thing and the answer touches on another."""
    asked, answered = (notices_for(verdict("warn", slug), country="")[0] for slug in ("hate", "privacy"))
    assert merged([asked], [asked, answered]) == [asked, answered]


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_refusal_names_the_rule_and_a_way_on(direction: str) -> None:
    html = refusal_html(direction, verdict("block", "privacy"), country="")  # type: ignore[arg-type]
    assert "other people’s private information" in html.replace("&#x27;", "’")
    assert "review" in html


def test_a_refusal_about_self_harm_offers_help_instead() -> None:
    """Somebody who wrote this needs a person and not a rule."""
    html = refusal_html("input", verdict("block", "self_harm", "violent_crimes"), country="US")
    assert "988" in html
    assert "looks like it is about" not in html


def test_texts_are_put_into_the_language_of_the_person() -> None:
    """Each by itself, with what varies left to be filled in, names of rules included."""
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return text.upper() if "%" not in text else text

    (notice,) = notices_for(verdict("warn", "hate"), country="", translate=translate)
    assert "HATE AGAINST GROUPS OF PEOPLE" in notice.html
    html = refusal_html("input", verdict("block", "self_harm"), country="US", translate=translate)
    assert html.startswith("<p>I AM GLAD")
    assert any("%(number)s" in text for text in asked)


def test_help_lines_can_be_dialled() -> None:
    """Countries by their codes, numbers as people dial them."""
    for country, line in HELP_LINES.items():
        assert re.fullmatch("[A-Z]{2}", country)
        assert re.fullmatch(r"[\d -]{3,14}", line.number)
        assert line.name.strip()
