"""Blind comparisons in the playground."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from assistant.prompt_text import content_hash
from tests.webapp.experiments.playing import Echo, address, tried, work
from tests.webapp.experiments.team import browser_for
from webapp.accounts.models import User
from webapp.experiments.models import (
    PlaygroundSession,
    PreferenceVote,
)
from webapp.experiments.services import playground, votes
from webapp.experiments.services.playground import PlaygroundError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def blind(tester: User, model: Echo, enqueued: list[UUID]) -> PlaygroundSession:
    return tried(tester, "Be brief.", "Be kind.", is_blind=True)


def test_blind_columns_have_no_names_until_there_is_a_vote(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID]
) -> None:
    """Nor anything else that would tell them apart but the words of the answers."""
    browser = browser_for(tester)
    with pytest.raises(PlaygroundError, match="not_finished"):
        votes.vote(blind, 0, choice="left", by=tester)
    work(enqueued)
    before = browser.get(address(blind)).content.decode()
    assert "Which is better?" in before
    for hint in ("Column 1", "Draft", "First text", "Save as a version"):
        assert hint not in before
    browser.post(address(blind, "vote/0"), {"choice": "left"})
    after = browser.get(address(blind)).content.decode()
    assert "You chose: left" in after
    assert "Column 1" in after and "First text" in after and "Save as a version" in after


def test_a_vote_says_what_was_compared_when_the_session_is_gone(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID]
) -> None:
    work(enqueued)
    vote = votes.vote(blind, 0, choice="right", by=tester)
    assert votes.vote(blind, 0, choice="left", by=tester) == vote
    hashes = [content_hash(text) for text in ("Be brief.", "Be kind.")]
    assert vote.left_serving["prompt"] == hashes[vote.position]
    assert vote.right_serving["prompt"] == hashes[1 - vote.position]
    PlaygroundSession.objects.update(created_at=timezone.now() - playground.KEPT - timedelta(minutes=1))
    assert playground.tidy() == 1
    vote = PreferenceVote.objects.get()
    assert (vote.session, vote.left, vote.choice, vote.by) == (None, None, "right", tester)


@pytest.mark.parametrize("seed", [6, 7])
def test_the_left_side_is_chosen_by_chance(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID], seed: int
) -> None:
    blind.runs.update(seed=seed)
    work(enqueued)
    page = browser_for(tester).get(address(blind)).content.decode()
    answers = [page.index(f"<strong>{text}</strong>") for text in ("Be brief.", "Be kind.")]
    assert (answers[0] < answers[1]) == (seed % 2 == 0)


def test_only_a_blind_session_is_voted_on(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """Who sees the names has an opinion of them."""
    session = tried(tester, "Be brief.", "Be kind.")
    work(enqueued)
    browser_for(tester).post(address(session, "vote/0"), {"choice": "left"})
    assert not PreferenceVote.objects.exists()
