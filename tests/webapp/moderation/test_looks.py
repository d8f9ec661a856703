"""Reading the turn of a case: on record, in its context, with the finding marked and personal data left out."""

import pytest

from tests.webapp.moderation.making import SECRET, add_turn, make_case, make_reply, make_verdict
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import AuditEntry, Case, Reveal
from webapp.moderation.services import cases, originals
from webapp.moderation.services.looks import Look, Piece, cut, look, turns_around

pytestmark = pytest.mark.django_db


def words(pieces: object) -> str:
    return "".join(piece.text for piece in pieces)  # type: ignore[attr-defined]


def marked(pieces: object) -> str:
    return "".join(piece.text for piece in pieces if piece.is_flagged)  # type: ignore[attr-defined]


def test_a_text_is_cut_and_nothing_is_lost() -> None:
    """Where a finding ends within an address, both keep their ends."""
    text = "Write to ada@example.org now"
    pieces = cut(text, flagged=[(6, 15)])
    assert pieces == [
        Piece("Write ", False),
        Piece("to ", True),
        Piece("", True, "email"),
        Piece("", False, "email"),
        Piece(" now", False),
    ]
    assert words(cut(text, flagged=[(6, 15)], hides=False)) == text


@pytest.mark.parametrize("span", [(0, 0), (3, 99), (50, 60), (9, 2)])
def test_a_span_that_does_not_fit_is_no_error(span: tuple[int, int]) -> None:
    """Offsets come from another process, and the text may have been cut since."""
    assert words(cut("Hello there", flagged=[span])) == "Hello there"


def test_an_empty_text_has_no_pieces() -> None:
    """A turn that was withheld before it was answered."""
    assert cut("") == []


def test_every_look_is_on_record_before_a_word_is_shown(owner: User, moderator: User) -> None:
    """Who, which conversation, which case; in the register of readings and in the chain."""
    case = make_case(owner)
    look(case, staff=moderator)
    look(case, staff=moderator, kind="look_personal_data")
    reveals = Reveal.objects.order_by("created_at")
    assert [(reveal.staff, reveal.conversation) for reveal in reveals] == [(moderator, case.reply.conversation)] * 2
    assert all(str(case.pk) in reveal.reason for reveal in reveals)
    acts = AuditEntry.objects.filter(subject_ref=str(case.pk), actor=moderator).order_by("pk")
    assert [act.action for act in acts] == ["look", "look_personal_data"]


def test_three_turns_before_and_after_along_the_branch(owner: User) -> None:
    """Another attempt at an answer and another branch are not what the person went on from."""
    conversation = make_reply(owner, question="turn 0", state="done").conversation
    path = [conversation.replies.get()]
    for number in range(1, 10):
        path.append(add_turn(conversation, question=f"turn {number}", parent=path[-1]))
    add_turn(conversation, question="elsewhere", parent=path[2])
    found = [message.text for message, _ in turns_around(path[4])]
    assert found == [f"turn {number}" for number in range(1, 8)]


def test_the_finding_is_marked_on_its_own_side(owner: User, moderator: User) -> None:
    """Offsets of the message mark the message, offsets of the answer the answer."""
    reply = make_reply(owner, question="I hate them all", text="They are all bad", state="done")
    for direction, span in (("input", (2, 6)), ("output", (9, 16))):
        verdict = make_verdict(reply, direction=direction, span=span)
        cases.flag(reply.pk, "guard_input", verdict=verdict)
    (turn,) = look(Case.objects.get(), staff=moderator).turns
    assert (marked(turn.question), marked(turn.answer)) == ("hate", "all bad")


def test_a_withheld_answer_is_read_from_its_original(owner: User, moderator: User) -> None:
    """What the person never saw is what has to be judged."""
    case = make_case(owner)
    originals.keep(case.reply_id, "The withheld words")
    (turn,) = look(case, staff=moderator).turns
    assert (words(turn.answer), turn.is_original) == ("The withheld words", True)


def test_what_a_withheld_answer_quoted_is_read_too(owner: User, moderator: User) -> None:
    """The row has forgotten it; whether the answer follows its sources is part of the question."""
    case = make_case(owner)
    Reply.objects.filter(pk=case.reply_id).update(passages=[{"title": "Bread", "text": "Bread is old."}])
    originals.keep(case.reply_id, "The withheld words")
    Reply.objects.filter(pk=case.reply_id).update(passages=[])
    ((title, pieces),) = look(case, staff=moderator).passages
    assert (words(title), words(pieces)) == ("Bread", "Bread is old.")


def test_personal_data_are_left_out_and_counted(owner: User, moderator: User) -> None:
    """In the turn, in the passages and their titles, and in what people wrote to the staff."""
    reply = make_reply(owner, question="I am ada@example.org", text="Call +49 30 901820", state="done")
    Reply.objects.filter(pk=reply.pk).update(
        passages=[{"title": "From eve@example.org", "text": "Pay with 4111 1111 1111 1111"}]
    )
    case = cases.flag(reply.pk, "report", text="This is bob@example.org")
    assert everything(look(case, staff=moderator)) == "I am Call From Pay with This is "
    assert look(case, staff=moderator).num_hidden == 5
    shown = look(case, staff=moderator, kind="look_personal_data")
    assert everything(shown) == (
        "I am ada@example.orgCall +49 30 901820From eve@example.orgPay with 4111 1111 1111 1111This is bob@example.org"
    )
    assert shown.num_hidden == 0


def everything(shown: Look) -> str:
    turns = "".join(words(turn.question) + words(turn.answer) for turn in shown.turns)
    passages = "".join(words(title) + words(pieces) for title, pieces in shown.passages)
    return turns + passages + "".join(words(pieces) for _, pieces in shown.told)


def test_the_record_holds_no_word_of_the_conversation(owner: User, moderator: User) -> None:
    """A register of readings that quotes is a copy that outlives the chat."""
    look(make_case(owner), staff=moderator)
    assert SECRET not in str([*AuditEntry.objects.values(), *Reveal.objects.values()])
