"""Pictures under moderation: sealed while their answer is withheld, seen by whoever says why, gone in time."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.image_server import png
from tests.webapp.chat.drawing import WISH, draw
from tests.webapp.moderation.conftest import BrowserOf
from tests.webapp.moderation.making import add_turn, close, make_case, make_moderator, make_reply, make_verdict
from webapp.accounts.models import User
from webapp.chat.models import Picture, Reply
from webapp.chat.services.pictures import picture_for
from webapp.moderation.config import ModerationSettings
from webapp.moderation.models import AuditEntry, Case, Original, Reveal, Review
from webapp.moderation.services import cases, looks, originals, retention, second_reviews
from webapp.moderation.services.case_rules import CannotDecide
from webapp.moderation.services.releases import release

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(browser_of: BrowserOf) -> Client:
    return browser_of("moderator")


@pytest.fixture
def picture(owner: User) -> Picture:
    return draw(make_reply(owner, question="Draw a picture", text="Here is your picture.", state="done"))


@pytest.fixture
def case(picture: Picture) -> Case:
    return cases.flag(picture.reply_id, "report", text="Not nice")


def withhold(picture: Picture) -> None:
    """As `ReplyJournal.withheld` does it."""
    originals.keep(picture.reply_id, "Here is your picture.")
    Reply.objects.filter(pk=picture.reply_id).update(state="blocked", text="", steps=[], input_checked=True)
    picture.refresh_from_db()


def address(case: Case, picture: Picture) -> str:
    return f"/admin/moderation/case/{case.pk}/picture/{picture.pk}/"


# Withholding


def test_a_withheld_picture_is_sealed_and_comes_back_when_it_is_released(owner: User, picture: Picture) -> None:
    """Nobody who reads the database sees it meanwhile."""
    withhold(picture)
    assert picture.is_sealed
    assert b"PNG" not in bytes(picture.content)
    release(picture.reply_id)
    shown = picture_for(owner, picture.pk)
    assert bytes(shown.content) == png()
    assert shown.reply.steps[0]["picture"]["id"] == str(picture.pk)


def test_what_was_still_being_drawn_is_not_drawn_for_ever(picture: Picture) -> None:
    """A model writes on while its picture is drawn, and may be withheld for that."""
    reply = picture.reply
    picture.delete()
    reply.steps = [{**reply.steps[0], "state": "running", "picture": None}]
    reply.save()
    originals.keep(reply.pk, "Here is your picture.")
    Reply.objects.filter(pk=reply.pk).update(state="blocked", text="", steps=[], input_checked=True)
    assert release(reply.pk).steps == []


def test_it_is_sealed_once(picture: Picture) -> None:
    """Withheld again after a release, or by a worker that comes late."""
    withhold(picture)
    originals.keep(picture.reply_id, "Here is your picture.")
    picture.refresh_from_db()
    assert originals.picture_content(picture) == png()


def test_it_is_deleted_with_the_words_of_its_answer(owner: User, picture: Picture) -> None:
    """Once nothing can bring them back. One that was released stays."""
    released = draw(make_reply(owner, text="Here it is.", state="done"))
    withhold(picture)
    withhold(released)
    release(released.reply_id)
    Original.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert retention.tidy().originals == 2
    assert list(Picture.objects.all()) == [released]


def test_without_its_secret_it_is_absent(owner: User, picture: Picture, settings: Any) -> None:
    withhold(picture)
    settings.SECRET_KEY = "another-" + "x" * 40
    assert originals.picture_content(picture) is None
    with pytest.raises(looks.NotFound):
        looks.look_at_picture(cases.flag(picture.reply_id, "appeal"), picture.pk, staff=make_moderator())
    assert not Reveal.objects.exists()


# Looking


def test_a_look_tells_what_was_asked_for_and_the_picture_takes_another(
    moderator: Client, case: Case, picture: Picture
) -> None:
    """Each is on record before it is shown; a reload shows neither."""
    page = moderator.post(f"/admin/moderation/case/{case.pk}/look/").content.decode()
    assert WISH in page
    assert address(case, picture) in page
    assert "<img" not in page.partition('class="bodies"')[2].partition("</section>")[0]
    assert moderator.get(address(case, picture)).status_code == 302
    assert list(AuditEntry.objects.filter(subject_ref=str(case.pk)).values_list("action", flat=True)) == ["look"]
    seen = moderator.post(address(case, picture))
    assert (seen.content, seen["Content-Type"]) == (png(), "image/png")
    assert seen["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in seen["Cache-Control"]
    assert AuditEntry.objects.filter(action="look_picture", subject_ref=str(case.pk)).count() == 1
    reasons = Reveal.objects.order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == [f"Case {case.pk}", f"Case {case.pk}, a picture"]


def test_a_withheld_one_is_seen_as_its_answer_is_read(moderator: Client, picture: Picture) -> None:
    """It is part of what has to be judged."""
    withhold(picture)
    verdict = make_verdict(picture.reply, direction="output")
    case = cases.flag(picture.reply_id, "guard_output", verdict=verdict, category="hate")
    assert WISH in moderator.post(f"/admin/moderation/case/{case.pk}/look/").content.decode()
    assert moderator.post(address(case, picture)).content == png()


def test_personal_data_in_what_was_asked_for_are_left_out(owner: User) -> None:
    picture = draw(make_reply(owner, text="Here it is.", state="done"), "a card for eve@example.org")
    shown = looks.look(cases.flag(picture.reply_id, "report"), staff=make_moderator()).turns[0].picture
    assert shown is not None
    assert "".join(piece.text for piece in shown.description) == "a card for "


def test_only_pictures_of_the_turns_around_are_shown(
    moderator: Client, case: Case, picture: Picture, owner: User, somebody_else: User
) -> None:
    """A case is no way into other chats."""
    beside = draw(add_turn(picture.reply.conversation, question="And now?", parent=picture.reply))
    assert moderator.post(address(case, beside)).status_code == 200
    for stranger in (owner, somebody_else):
        assert moderator.post(address(case, draw(make_reply(stranger, state="done")))).status_code == 404


def test_a_withheld_one_is_opened_for_the_case_of_its_answer_only(
    moderator: Client, case: Case, picture: Picture
) -> None:
    """The words of a withheld turn nearby are not shown in a look either."""
    beside = draw(add_turn(picture.reply.conversation, question="And now?", parent=picture.reply))
    withhold(beside)
    assert moderator.post(address(case, beside)).status_code == 404
    assert not AuditEntry.objects.filter(action="look_picture").exists()


def test_to_see_it_spoils_no_second_opinion(case: Case, picture: Picture, settings: Any) -> None:
    """It stands beside the words that a blind look shows, and tells nothing of the decision."""
    settings.MODERATION = ModerationSettings(second_review_share=1.0)
    first, second = make_moderator("first"), make_moderator("second")
    review = close(case, first)
    Review.objects.filter(pk=review.pk).update(due_at=None)
    looks.look(case, staff=second, kind="look_blind")
    looks.look_at_picture(case, picture.pk, staff=second)
    assert second_reviews.next_for(second) == review
    assert second_reviews.give(review.pk, reviewer=second, outcome="agreed").second_of == review


def test_the_history_of_a_case_says_it_in_words(moderator: Client, case: Case, picture: Picture) -> None:
    moderator.post(address(case, picture))
    page = moderator.get(f"/admin/moderation/case/{case.pk}/change/", follow=True).content.decode()
    assert "looked at a picture" in page
    assert "look_picture" not in page


@pytest.mark.parametrize("role", ["experimenter", "member", "nobody"])
def test_nobody_without_the_right_sees_it(browser_of: BrowserOf, case: Case, picture: Picture, role: str) -> None:
    assert browser_of(role).post(address(case, picture)).status_code in {302, 403}
    assert not Reveal.objects.exists()


def test_nobody_judges_their_own(case: Case, picture: Picture, owner: User) -> None:
    with pytest.raises(CannotDecide):
        looks.look_at_picture(case, picture.pk, staff=owner)


def test_a_transcript_says_what_was_asked_for(moderator: Client, picture: Picture) -> None:
    """Whoever reads a whole chat has no case, and so no look at what is drawn in it."""
    reveal = f"/admin/chat/conversation/{picture.reply.conversation_id}/reveal/"
    page = moderator.post(reveal, {"reason": "A neighbour has complained"}).content.decode()
    assert f"Picture: {WISH}" in page
    assert str(picture.pk) not in page


def test_a_case_without_a_picture_shows_none(moderator: Client, owner: User) -> None:
    page = moderator.post(f"/admin/moderation/case/{make_case(owner).pk}/look/").content.decode()
    assert "Show the picture" not in page
