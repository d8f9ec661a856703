"""An answer links to where somebody has pointed, and shows every other address as text."""

import time

import pytest

from assistant.rendering import render_block, render_tail
from assistant.rendering.links import hosts_in

KNOWN = hosts_in(["See https://known.example/a?b=1, docs.other.example or mail ada@mail.example."])


def test_hosts_are_found_with_and_without_an_address_around_them() -> None:
    assert {"known.example", "docs.other.example", "mail.example"} <= KNOWN
    assert hosts_in(["…known.example, ..known.example.x U.S. -a-.example"]) == {"known.example", "-a-.example"}


@pytest.mark.parametrize("row", ["1.", "a.", "a", "aa.b..", "-"])
def test_a_long_row_of_dots_keeps_nobody_waiting(row: str) -> None:
    """Hosts are looked for between two pieces of somebody else's answer."""
    begun = time.process_time()
    hosts_in([row * 40_000])
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    "address",
    [
        "https://known.example",
        "https://KNOWN.example/x?y=z#w",
        "https://www.known.example/",
        "https://known.example:8080/x",
        "http://docs.other.example/x",
        "mailto:bob@mail.example",
    ],
)
def test_links_to_known_hosts_stay(address: str) -> None:
    assert render_block(f"[x]({address})", known_hosts=KNOWN).count("<a ") == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/known.example",
        "https://known.example.evil.example/",
        "https://known.example@evil.example/",
        "https://evil.example?https://known.example",
        "https://a.known.example/",
        "mailto:known.example@evil.example?body=secret",
    ],
)
def test_links_to_others_become_text_that_shows_the_address(address: str) -> None:
    """Nothing is hidden behind a friendly word, and nothing can be clicked."""
    for html in (render_block(f"[x]({address})", known_hosts=KNOWN), render_tail(f"[x]({address})", known_hosts=KNOWN)):
        assert "<a" not in html
        assert html == f"<p>x ({address.replace('&', '&amp;')})</p>"


def test_images_and_bare_addresses_follow_the_same_rule() -> None:
    """Neither is loaded; a bare address is not said twice."""
    assert render_block("https://evil.example/x", known_hosts=KNOWN) == "<p>https://evil.example/x</p>"
    html = render_block("![cat](https://evil.example/cat.png?q=secret)", known_hosts=KNOWN)
    assert html == "<p>cat (https://evil.example/cat.png?q=secret)</p>"


def test_emphasis_in_a_link_survives_it() -> None:
    html = render_block("**[a *b*](https://evil.example)** c", known_hosts=KNOWN)
    assert html == "<p><strong>a <em>b</em> (https://evil.example)</strong> c</p>"


def test_without_a_list_all_links_stay() -> None:
    """The help pages are ours."""
    assert "<a " in render_block("[x](https://evil.example)")
