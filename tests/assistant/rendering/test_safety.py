"""No text makes active HTML, neither finished nor at any moment while it streams."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.rendering import BlockSplitter, render, render_block, render_tail
from assistant.rendering.dialect import LINK_SCHEMES
from assistant.rendering.markdown import CLASSES, TAGS
from assistant.rendering.maths import MATHML_ATTRIBUTES
from tests.assistant.rendering.payloads import PAYLOADS

ALLOWED_ATTRIBUTES = {
    "a": {"href", "title", "target", "rel"},
    "ol": {"start"},
    "figure": {"class", "data-language"},
    "div": {"class", "tabindex"},
    "span": {"class"},
    "th": {"class"},
    "td": {"class"},
    **MATHML_ATTRIBUTES,
}


class InertnessCheck(HTMLParser):
    """Reads HTML as a browser would and collects everything that may not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.offences: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.offences.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ALLOWED_ATTRIBUTES.get(tag, set()):
                self.offences.append(f"<{tag} {name}>")
            if name == "href" and urlsplit(value or "").scheme not in LINK_SCHEMES:
                self.offences.append(f"href {value}")
            if name == "class" and not set((value or "").split()) <= CLASSES[tag]:
                self.offences.append(f"class {value}")
            if name == "data-language" and any(character in (value or "") for character in "<>\"'& "):
                self.offences.append(f"data-language {value}")
        if tag == "a":
            found = dict(attrs)
            if found.get("target") != "_blank" or found.get("rel") != "noopener nofollow ugc":
                self.offences.append("a link without rel or target")

    def handle_comment(self, data: str) -> None:
        self.offences.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.offences.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.offences.append("processing instruction")


def offences_in(html: str) -> list[str]:
    check = InertnessCheck()
    check.feed(html)
    check.close()
    return check.offences


def test_the_check_finds_what_it_looks_for() -> None:
    """A check that never fails proves nothing."""
    assert offences_in("<script>x</script>")
    assert offences_in('<p onclick="x">')
    assert offences_in('<a href="javascript:x" target="_blank" rel="noopener nofollow ugc">')
    assert offences_in('<a href="https://example.com">')
    assert offences_in('<span class="composer">')
    assert offences_in("<!-- x -->")


def test_there_are_two_hundred_payloads() -> None:
    """The corpus must not shrink by accident."""
    assert len(set(PAYLOADS)) >= 200


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_inert_at_every_moment_of_its_streaming(payload: str) -> None:
    """The open tail is on the page too, so half a payload matters as much as a whole one."""
    splitter = BlockSplitter()
    shown: set[str] = set()
    for character in payload:
        shown.update(map(render_block, splitter.feed(character)))
        shown.add(render_tail(splitter.tail))
    shown.update(map(render_block, splitter.finish()))
    assert [offence for html in shown for offence in offences_in(html)] == []


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abjx:/()[]<>!\"'`*_~|-&;#=\\ \n.", max_size=60) | st.text(max_size=60))
def test_random_text_is_inert(text: str) -> None:
    """Payloads are what others thought of; this looks beyond them."""
    for html in [*render(text), render_tail(text)]:
        assert offences_in(html) == []
