"""What a block looks like once it is closed."""

import pytest

from assistant.rendering import render, render_block


def test_code_is_highlighted_by_class_and_labelled_with_its_language() -> None:
    """The page's policy forbids inline style, and the copy button looks for the figure."""
    assert render_block("```python\npass  # <b>\n```\n") == (
        '<figure class="code" data-language="python"><figcaption>python</figcaption><pre><code>'
        '<span class="k">pass</span>  <span class="c1"># &lt;b&gt;</span>\n</code></pre></figure>'
    )


@pytest.mark.parametrize("fence", ["```\na < b\n```", "    a < b", "```no-such-language\na < b\n```"])
def test_code_in_an_unknown_language_is_shown_as_it_is(fence: str) -> None:
    """A model invents language names."""
    html = render_block(fence)
    assert "a &lt; b" in html
    assert "<span" not in html


def test_very_long_code_is_not_highlighted() -> None:
    """A worker has other readers waiting."""
    assert "<span" not in render_block("```python\n" + "pass\n" * 5000 + "```")


def test_a_table_scrolls_in_its_own_box_and_aligns_by_class() -> None:
    """A wide table must not make a phone scroll sideways; the box takes the focus so that keys can scroll it."""
    html = render_block("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert html.startswith('<div class="table-scroll" tabindex="0"><table>')
    assert '<td class="align-right">2</td>' in html
    assert "style" not in html


@pytest.mark.parametrize("address", ["http://a.example", "https://a.example", "mailto:a@a.example"])
def test_a_link_opens_elsewhere_and_passes_nothing_on(address: str) -> None:
    """The linked page was chosen by a model."""
    assert render_block(f"[x]({address})") == (
        f'<p><a href="{address}" target="_blank" rel="noopener nofollow ugc">x</a></p>'
    )


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "/admin/", "//a.example", "#top"])
def test_a_link_to_any_other_scheme_stays_text(address: str) -> None:
    """What was refused is visible, not gone."""
    assert render_block(f"[x]({address})") == f"<p>[x]({address})</p>"


@pytest.mark.parametrize(
    ("source", "text"),
    [("![A cat](https://a.example/cat.png)", "A cat"), ("![](https://a.example/cat.png)", "https://a.example/cat.png")],
)
def test_an_image_becomes_a_link(source: str, text: str) -> None:
    """Loading it would tell its server who reads the chat, and what the address says."""
    html = render_block(source)
    assert "<img" not in html
    assert f">{text}</a>" in html


def test_an_image_in_a_link_becomes_the_text_of_the_link() -> None:
    """Links do not nest."""
    html = render_block("[![A cat](https://a.example/cat.png)](https://b.example)")
    assert html.count("<a ") == 1
    assert 'href="https://b.example"' in html
    assert ">A cat</a>" in html


def test_bare_addresses_are_links_and_file_names_are_not() -> None:
    """README.md is a file, though .md is a country."""
    assert '<a href="https://a.example/x"' in render_block("See https://a.example/x.")
    assert render_block("See README.md.") == "<p>See README.md.</p>"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("Warm[^1], soft.[^note]", "<p>Warm<sup>[1]</sup>, soft.<sup>[note]</sup></p>"),
        (
            "[^1]: A book.\n[^note]: *Another*.",
            "<p><sup>[1]</sup> A book.<br>\n<sup>[note]</sup> <em>Another</em>.</p>",
        ),
        ("- Warm [^2]", "<ul>\n<li>Warm <sup>[2]</sup></li>\n</ul>"),
        ("`a[^1]`", "<p><code>a[^1]</code></p>"),
        (r"Warm\[^1]", "<p>Warm[^1]</p>"),
        ("Match [^abc] or ([^0-9]).", "<p>Match [^abc] or ([^0-9]).</p>"),
        (
            "[^1](https://a.example)",
            '<p><a href="https://a.example" target="_blank" rel="noopener nofollow ugc">^1</a></p>',
        ),
    ],
)
def test_footnotes_are_raised_and_stay_where_they_are(source: str, html: str) -> None:
    """What only looks like one stays too: people ask about expressions that match."""
    assert render_block(source) == html


def test_html_is_text() -> None:
    """A person who asks about HTML wants to read it."""
    assert render_block("<b>bold</b>") == "<p>&lt;b&gt;bold&lt;/b&gt;</p>"


def test_link_definitions_are_text() -> None:
    """A definition would change blocks that are closed already."""
    assert render("[a]\n\n[a]: https://a.example") == [
        "<p>[a]</p>",
        '<p>[a]: <a href="https://a.example" target="_blank" rel="noopener nofollow ugc">https://a.example</a></p>',
    ]


def test_line_breaks_are_kept() -> None:
    """Poems and addresses have short lines."""
    assert render_block("one\ntwo") == "<p>one<br>\ntwo</p>"


def test_dollars_are_left_alone() -> None:
    """Prices are more common than formulas."""
    assert render_block("from $5 to $10") == "<p>from $5 to $10</p>"


def test_things_to_do_have_boxes() -> None:
    """Models write them often. Brackets elsewhere are brackets."""
    html = render_block("- [ ] **Buy** wool\n- [x] Wash it\n- [X] Dry it\n- [a] b\n- see [ ] there\n")
    items = [item.partition("</li>")[0] for item in html.split("<li>")[1:]]
    assert items == ["☐ <strong>Buy</strong> wool", "☑ Wash it", "☑ Dry it", "[a] b", "see [ ] there"]
    assert render_block("[ ] alone") == "<p>[ ] alone</p>"


def test_a_text_is_rendered_block_by_block() -> None:
    """Stored replies, shared pages and documents show the same HTML as the stream did."""
    assert render("# A\n\nb\n\n- c\n") == ["<h1>A</h1>", "<p>b</p>", "<ul>\n<li>c</li>\n</ul>"]
    assert render("") == []
