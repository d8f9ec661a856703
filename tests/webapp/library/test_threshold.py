"""The sample library with the real encoder: what is quoted, and for what nothing is."""

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command

from inference.encoders.minilm import DIMENSIONS, MODEL_NAME
from retrieval.index import VectorIndex
from retrieval.passages import split_passages
from tests.minilm import MiniLM
from tests.webapp.library.conftest import NoSuspicion
from tests.webapp.library.questions import ABOUT_SOMETHING_ELSE, ABOUT_THE_PAGES
from webapp.library.models import Document
from webapp.library.ports import Retrieval
from webapp.library.samples import sample_pages
from webapp.library.services.indexing import index_document
from webapp.library.services.search import search_library

pytestmark = pytest.mark.django_db


@pytest.fixture
def retrieval() -> Retrieval:
    return Retrieval(
        model_id=MODEL_NAME,
        dim=DIMENSIONS,
        embedder=MiniLM(),
        injection_scorer=NoSuspicion(),
        cut=split_passages,
        build_index=VectorIndex.build,
    )


def test_questions_find_their_page_and_small_talk_finds_nothing(retrieval: Retrieval) -> None:
    """The two thresholds of the search were chosen on these messages; a new page or encoder must not undo them."""
    call_command("load_sample_library", verbosity=0)
    for document in Document.objects.all():
        assert async_to_sync(index_document)(document.pk, retrieval=retrieval)
    slugs = {page.document_id: page.slug for page in sample_pages()}

    def quoted(message: str) -> list[str]:
        return [slugs[hit.document_id] for hit in async_to_sync(search_library)(None, message, 3, retrieval=retrieval)]

    answers = {question: quoted(question) for question in ABOUT_THE_PAGES}
    missed = {question for question, page in ABOUT_THE_PAGES.items() if answers[question][:1] != [page]}
    wrongly_quoted = {message: found for message in ABOUT_SOMETHING_ELSE if (found := quoted(message))}
    num_quoted = sum(map(len, answers.values()))
    num_right = sum(slug == ABOUT_THE_PAGES[question] for question, found in answers.items() for slug in found)

    print(
        f"right page first: {len(answers) - len(missed)} of {len(answers)}; "
        f"passages from the right page: {num_right} of {num_quoted}; "
        f"quoted where nothing fits: {len(wrongly_quoted)} of {len(ABOUT_SOMETHING_ELSE)}"
    )
    assert len(missed) <= 7, {question: answers[question] for question in missed}
    assert num_right >= 0.8 * num_quoted
    assert len(wrongly_quoted) <= 2, wrongly_quoted
