"""What was withheld and is released: it comes back, is answered, and leaves no suspicion behind."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.webapp.moderation.making import (
    SECRET,
    add_turn,
    close,
    let_time_pass,
    make_reply,
    make_verdict,
    withheld_answer,
)
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import ownership, running, turns
from webapp.chat.services.duplicating import duplicate
from webapp.moderation.models import AuditEntry, Case, Original, Review, Verdict
from webapp.moderation.services import cases, originals
from webapp.moderation.templatetags.moderation import why_not

pytestmark = pytest.mark.django_db


def test_a_released_answer_comes_back(owner: User, moderator: User) -> None:
    """From its sealed original, in its place."""
    case = withheld_answer(owner, "A history of **bread**")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply = Reply.objects.get(pk=case.reply_id)
    assert (reply.state, reply.text) == ("done", "A history of **bread**")
    assert AuditEntry.objects.filter(action="release", actor=moderator, subject_ref=str(reply.pk)).exists()


def test_a_released_answer_comes_back_with_what_stood_beside_it(owner: User, moderator: User) -> None:
    """Sources, help, tools and what its code is: without them it would be another answer."""
    reply = make_reply(owner)
    beside = {
        "citations": [{"number": 1, "title": "Bread", "url": "/library/x/", "excerpt": "Old"}],
        "passages": [{"title": "Bread", "text": "Bread is old."}],
        "notices": [{"kind": "advice", "html": "<p>Ask a baker.</p>"}],
        "steps": [{"tool": "calculator", "state": "done"}],
        "used": {"memories": [1]},
    }
    Reply.objects.filter(pk=reply.pk).update(input_checked=True, **beside)
    originals.keep(reply.pk, "```python\nprint(1)\n```")
    Reply.objects.filter(pk=reply.pk).update(citations=[], passages=[], notices=[], steps=[], used={})
    case = cases.flag(reply.pk, "guard_output", verdict=make_verdict(reply, direction="output"), category="hate")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply.refresh_from_db()
    assert {name: getattr(reply, name) for name in beside} == beside
    (badge,) = reply.code_reports
    assert (badge["figure"], badge["state"]) in {(0, "clean"), (0, "not_scanned")}, "scanned, or honest about it"


def test_an_original_of_an_earlier_version_comes_back_as_far_as_it_was_kept(owner: User, moderator: User) -> None:
    """Its words alone."""
    case = withheld_answer(owner, "Bread")
    Original.objects.update(sealed_beside=None)
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).text == "Bread"


def test_a_released_message_is_answered(case: Case, moderator: User) -> None:
    """It is queued again, and the input guard is not asked a second time."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply = Reply.objects.get(pk=case.reply_id)
    assert (reply.state, reply.input_checked) == ("queued", True)


def test_a_released_message_is_not_withheld_again_for_another_answer(case: Case, moderator: User) -> None:
    """A moderator has said that it is harmless; one that the guard alone withholds is asked about each time."""
    before = turns.retry(person=case.person, reply_id=case.reply_id)
    assert not Reply.objects.get(pk=before.reply_id).input_checked
    Reply.objects.filter(pk=before.reply_id).update(state="blocked")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    again = turns.retry(person=case.person, reply_id=case.reply_id)
    assert Reply.objects.get(pk=again.reply_id).input_checked


def test_what_was_released_makes_nothing_suspicious_that_follows(case: Case, moderator: User) -> None:
    """Going on after a false alarm is none. The model reads all that was said, and the guard what it has passed."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    conversation = case.reply.conversation
    passed = add_turn(conversation, question="And llamas?", text="Woolly.", parent=case.reply)
    sent = turns.send(
        person=case.person, turn_id=uuid4(), conversation_id=conversation.pk, parent_id=passed.pk, text="Go on"
    )
    claim = ownership.claim(sent.reply_id)
    assert claim
    turn = running._load(claim).turn
    assert [message.text for message in turn.history] == [SECRET, "Here.", "And llamas?", "Woolly.", "Go on"]
    assert [message.text for message in turn.judged] == ["And llamas?", "Woolly.", "Go on"]
    Reply.objects.filter(pk=passed.pk).update(finish_reason="released")
    assert [message.text for message in running._load(claim).turn.judged] == ["Go on"]


@pytest.mark.parametrize("answer_again", [turns.retry, turns.go_on])
def test_nor_does_it_under_another_answer(
    case: Case, moderator: User, answer_again: Callable[..., turns.Accepted]
) -> None:
    """The message was found harmless, whichever of its answers the chat goes on from."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    first = Reply.objects.filter(pk=case.reply_id)
    first.update(state="done", finish_reason="length", text="Here.", blocks=["<p>Here.</p>"])
    again = answer_again(person=case.person, reply_id=case.reply_id)
    Reply.objects.filter(pk=again.reply_id).update(state="done", text="There.")
    sent = turns.send(
        person=case.person,
        turn_id=uuid4(),
        conversation_id=again.conversation_id,
        parent_id=again.reply_id,
        text="Go on",
    )
    claim = ownership.claim(sent.reply_id)
    assert claim
    assert [message.text for message in running._load(claim).turn.judged] == ["Go on"]


def test_a_release_that_is_taken_back_frees_no_other_answer(case: Case, moderator: User) -> None:
    """The guard is asked about the message again."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    close(case, moderator, consequence="withhold")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "blocked"
    again = turns.retry(person=case.person, reply_id=case.reply_id)
    assert not Reply.objects.get(pk=again.reply_id).input_checked


@pytest.mark.parametrize("is_running", [False, True])
def test_nor_does_what_goes_on_from_its_answer(case: Case, moderator: User, is_running: bool) -> None:
    """The answer itself stays where nobody withholds it. What waited for the model meanwhile is asked about, too."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    fields = {"finish_reason": "length", "text": "Here.", "blocks": ["<p>Here.</p>"], "passages": []}
    Reply.objects.filter(pk=case.reply_id).update(state="done", **fields)
    if is_running:
        longer = turns.go_on(person=case.person, reply_id=case.reply_id)
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    close(case, moderator, consequence="warn")
    let_time_pass()
    if not is_running:
        longer = turns.go_on(person=case.person, reply_id=case.reply_id)
    claim = ownership.claim(longer.reply_id)
    assert claim
    assert not running._load(claim).turn.input_checked


def test_what_goes_on_from_an_answer_whose_message_passed_is_not_asked_about(owner: User) -> None:
    """By the guard, or by a release that stands; and by nothing else that the row says."""
    conversation = Conversation.objects.create(owner=owner)
    fields = {"finish_reason": "length", "text": "Here.", "blocks": ["<p>Here.</p>"], "passages": []}
    for action, passed in (("allow", True), (None, False)):
        reply = add_turn(conversation, question="Llamas?")
        Reply.objects.filter(pk=reply.pk).update(**fields)
        if action:
            verdict = make_verdict(reply)
            Verdict.objects.filter(pk=verdict.pk).update(action=action)
        for _ in range(2):
            longer = turns.go_on(person=owner, reply_id=reply.pk)
            claim = ownership.claim(longer.reply_id)
            assert claim
            assert running._load(claim).turn.input_checked is passed
            Reply.objects.filter(pk=longer.reply_id).update(state="cancelled")
            reply = Reply.objects.get(pk=longer.reply_id)


def test_an_answer_withheld_in_a_copied_chat_comes_back_there(owner: User, moderator: User) -> None:
    """Its words are copied, sealed, with the chat, and kept no longer than those that they are a copy of."""
    source = withheld_answer(owner, "A history of **bread**")
    copied = duplicate(source.reply.conversation).replies.get()
    case = cases.flag(copied.pk, "appeal")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    copied.refresh_from_db()
    assert (copied.state, copied.text) == ("done", "A history of **bread**")
    assert Original.objects.get(reply=copied).expires_at == source.reply.original.expires_at


def test_a_message_waits_for_the_answer_that_is_being_written(case: Case, moderator: User) -> None:
    """One answer at a time in a chat; the release is tried again."""
    running = add_turn(case.reply.conversation, question="Hello", state="running")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "blocked"
    Reply.objects.filter(pk=running.pk).update(state="done")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "queued"


def test_what_cannot_be_released_says_so(owner: User, moderator: User) -> None:
    """The words are kept for thirty days and not for ever; the decision stands, and its page tells."""
    case = withheld_answer(owner, "Bread")
    case.reply.original.delete()
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Review.objects.get().failure == "gone"
    assert "not kept any more" in why_not("gone")
    assert AuditEntry.objects.filter(action="release_failed").exists()
