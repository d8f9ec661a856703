"""The library's pages and the pages that come with Cria."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client

from retrieval.passages import split_passages
from webapp.accounts.models import User
from webapp.library.models import Document
from webapp.library.pages import sections_of
from webapp.library.samples import sample_pages
from webapp.library.services.documents import add_document, delete_document, put_sample_document

Index = Callable[[Document], bool]

TEXT = "Intro.\n\n## Lists\n\nLists are **short**.\n\n- Milk\n\n### Long ones\n\nLong lists are long.\n"


@pytest.mark.django_db
def test_a_citation_leads_to_its_section_with_the_heading(index: Index) -> None:
    """Whoever follows a link to #p-1 wants to see at once what was quoted, and under which heading it stands."""
    document = add_document(owner=None, title="Help", text=TEXT)
    index(document)
    document.refresh_from_db()
    assert [(section.anchors, section.blocks) for section in sections_of(document)] == [
        ((0,), ("<p>Intro.</p>",)),
        (
            (1,),
            ("<h2>Lists</h2>", "<p>Lists are <strong>short</strong>.</p>", "<ul>\n<li>Milk</li>\n</ul>"),
        ),
        ((2,), ("<h3>Long ones</h3>", "<p>Long lists are long.</p>")),
    ]


@pytest.mark.django_db
def test_passages_that_begin_in_one_block_share_a_section(index: Index) -> None:
    """A paragraph longer than a passage holds several; each keeps its anchor."""
    document = add_document(owner=None, title="Long", text="# Top\n\n" + "This sentence is repeated many times. " * 100)
    index(document)
    document.refresh_from_db()
    (section,) = sections_of(document)
    assert section.anchors == tuple(range(document.passages.count()))
    assert len(section.anchors) > 1


@pytest.mark.django_db
def test_a_text_that_waits_to_be_indexed_has_no_anchors(index: Index) -> None:
    """The passages still point into the text before it."""
    document = add_document(owner=None, title="Help", text=TEXT)
    index(document)
    put_sample_document(document_id=document.pk, title="Help", text="New.\n")
    document.refresh_from_db()
    assert [(section.anchors, section.blocks) for section in sections_of(document)] == [((), ("<p>New.</p>",))]


@pytest.mark.django_db
def test_the_document_page_shows_safe_html_with_anchors(client: Client, index: Index) -> None:
    """A document is somebody else's text."""
    document = add_document(owner=None, title="<i>Help</i>", text="Intro.\n\n## A\n\n<script>alert(1)</script>\n")
    index(document)
    page = client.get(document.get_absolute_url()).content.decode()
    assert '<section class="passage" id="p-1">' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;i&gt;Help&lt;/i&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.django_db
def test_the_list_shows_the_sample_library_and_nobodys_own(client: Client, person: User) -> None:
    """It is open to everybody."""
    add_document(owner=None, title="Plans and lists", text="Make a plan.")
    add_document(owner=person, title="My diary", text="Dear diary.")
    page = client.get("/library/").content.decode()
    assert "Plans and lists" in page
    assert "Make a plan." in page
    assert "diary" not in page


@pytest.mark.django_db
def test_absent_deleted_and_foreign_documents_look_the_same(client: Client, person: User, somebody_else: User) -> None:
    """Nobody learns from an address whether there is something behind it."""
    foreign = add_document(owner=somebody_else, title="Diary", text="Dear diary.")
    deleted = add_document(owner=None, title="Old", text="Old text.")
    delete_document(deleted)
    client.force_login(person)
    answers = [client.get(f"/library/{each}/") for each in (uuid4(), foreign.pk, deleted.pk)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    client.force_login(somebody_else)
    assert client.get(f"/library/{foreign.pk}/").status_code == 200


@pytest.mark.django_db
def test_loading_the_sample_library_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs at every start."""
    num_pages = len(list(sample_pages()))
    call_command("load_sample_library")
    call_command("load_sample_library")
    assert capsys.readouterr().out.splitlines() == [
        f"Sample library: {num_pages} pages, {num_pages} new or changed.",
        f"Sample library: {num_pages} pages, 0 new or changed.",
    ]
    assert set(Document.objects.values_list("state", flat=True)) == {"received"}


@pytest.mark.django_db
def test_loading_brings_back_a_sample_page_that_was_deleted() -> None:
    """The sample library is what comes with Cria."""
    call_command("load_sample_library", verbosity=0)
    document = Document.objects.samples()[0]
    delete_document(document)
    call_command("load_sample_library", verbosity=0)
    assert Document.objects.samples().count() == len(list(sample_pages()))


def test_the_sample_pages_are_short_and_made_of_passages() -> None:
    """The bundled model is small: a passage must be short enough to help it."""
    pages = list(sample_pages())
    assert len(pages) >= 12
    assert len({page.slug for page in pages}) == len({page.document_id for page in pages}) == len(pages)
    for page in pages:
        passages = split_passages(page.text, title=page.title)
        assert 150 <= len(page.text.split()) <= 350, page.slug
        assert max(len(passage.text.split()) for passage in passages) <= 120, page.slug


def test_a_sample_page_without_its_head_is_named(tmp_path: Path) -> None:
    """Somebody adds a page and forgets the title."""
    (tmp_path / "page.md").write_text("---\ntitle: A page\n---\nText\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape("page.md")):
        list(sample_pages(tmp_path))
