"""Somebody with one of everything, every text of which holds the same secret."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.webapp.chat.drawing import draw
from tests.webapp.experiments import making
from webapp.accounts.models import PasswordLink, User
from webapp.chat.models import (
    Allowance,
    Comparison,
    Conversation,
    Feedback,
    Folder,
    Message,
    QueuedMessage,
    Reply,
    Summary,
    Tag,
)
from webapp.experiments.models import (
    Exposure,
    ForcedArm,
    Holdout,
    LabelChange,
    PlaygroundRun,
    PlaygroundSession,
    PreferenceVote,
    ProductionChange,
    PromptApproval,
    Report,
    Segment,
    SettingsApproval,
    SettingsVersion,
    StarterSet,
    TestTurn,
)
from webapp.experiments.services import life
from webapp.library.models import Document, Passage, UploadedFile
from webapp.moderation.models import (
    Appeal,
    Case,
    Flag,
    Note,
    Original,
    PolicyVersion,
    Reveal,
    Review,
    Suspension,
    Verdict,
)
from webapp.moderation.services import audit
from webapp.personal.models import Memory, Preferences
from webapp.privacy.models import DataExport
from webapp.sharing.models import ChatImport, ImportedFile, ShareLink

SECRET = "xylophone-diagnosis"
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def _nobody_has_failed_to_log_in() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def member(db: None) -> User:
    return make_member("ada")


def make_member(name: str) -> User:
    email = f"{name}@example.org"
    member = User.objects.create_user(name, email=email, password=PASSWORD)
    EmailAddress.objects.create(user=member, email=email, primary=True)
    return member


@pytest.fixture
def browser(member: User) -> Client:
    """A browser in which the member has logged in."""
    browser = Client()
    browser.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    assert browser.session["_auth_user_id"] == str(member.pk)
    return browser


def make_turn(owner: User, *, state: str = Reply.State.DONE, about: str = "") -> Reply:
    conversation = Conversation.objects.create(owner=owner, title=about)
    message = Message.objects.create(id=uuid4(), conversation=conversation, text=f"I have {about}")
    return Reply.objects.create(
        conversation=conversation,
        message=message,
        state=state,
        text=f"About {about}",
        blocks=[f"<p>About {about}</p>"],
        deadline=timezone.now() + timedelta(minutes=5),
        finished_at=None if state in Reply.ACTIVE else timezone.now(),
        seed=1,
    )


def make_everything(person: User, other: User) -> Reply:
    """One row for each relation to a person, and for what hangs below. `other` is somebody who must lose nothing."""
    reply = make_turn(person, about=SECRET)
    conversation, message = reply.conversation, reply.message
    conversation.folder = Folder.objects.create(owner=person, name=SECRET)
    conversation.selected = reply
    conversation.save()
    Tag.objects.create(conversation=conversation, name=SECRET)
    draw(reply, SECRET, content=SECRET.encode())
    QueuedMessage.objects.create(id=uuid4(), conversation=conversation, text=SECRET)
    Summary.objects.create(reply=reply, text=SECRET, finished_at=timezone.now())
    Allowance.objects.create(person=person, paid_off_at=timezone.now())
    Feedback.objects.create(reply=reply, person=person, thumb=-1, text=SECRET)
    Comparison.objects.create(person=person, message=message, left=reply, right=reply, choice="tie")
    document = Document.objects.create(owner=person, title=SECRET, text=SECRET, sha256="0" * 64)
    UploadedFile.objects.create(document=document, kind="text", content=SECRET.encode())
    Passage.objects.create(
        document=document, ord=0, char_start=0, char_end=4, text=SECRET, text_sha="0", model_id="m", vector=b"1234"
    )
    Preferences.objects.create(person=person, about_me=SECRET)
    Memory.objects.create(owner=person, text=SECRET, message=message)
    ShareLink.objects.create(
        token=uuid4().hex, owner=person, conversation=conversation, title=SECRET, turns=[{"question": SECRET}]
    )
    chat_import = ChatImport.objects.create(person=person)
    ImportedFile.objects.create(chat_import=chat_import, content=SECRET.encode(), chosen=[SECRET])
    DataExport.objects.create(person=person)
    _make_account(person, other)
    _make_moderation(person, other, reply)
    _make_work(person, other)
    _make_experiments(person)
    return reply


def _make_account(person: User, other: User) -> None:
    User.objects.filter(pk=person.pk).update(first_name=SECRET)
    EmailAddress.objects.create(user=person, email=f"{SECRET}@example.net")
    Authenticator.objects.create(user=person, type="totp", data={"secret": SECRET})
    SocialAccount.objects.create(user=person, provider="work", uid=SECRET, extra_data={"email": SECRET})
    UserSession.objects.create(user=person, ip="127.0.0.1", session_key=uuid4().hex, user_agent=SECRET)
    person.groups.add(Group.objects.get_or_create(name="readers")[0])
    person.user_permissions.add(Permission.objects.earliest("pk"))
    PasswordLink.objects.create(person=person, made_by=other, was_mailed=False)
    for actor in (person, other):
        LogEntry.objects.create(
            user=actor,
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(person.pk),
            object_repr=SECRET,
            action_flag=CHANGE,
            change_message=SECRET,
        )


def _make_moderation(person: User, other: User, reply: Reply) -> None:
    verdict = Verdict.objects.create(
        reply=reply, direction="input", action="block", score=0.9, guard_id="g", policy_version="1", latency_ms=1
    )
    case = Case.objects.create(reply=reply, person=person, opened_at=timezone.now())
    Flag.objects.create(case=case, source="report", verdict=verdict, text=SECRET)
    Note.objects.create(case=case, author=other, text=SECRET)
    Original.objects.create(reply=reply, sealed=SECRET.encode(), expires_at=timezone.now())
    Suspension.objects.create(person=person, by=other, reason=SECRET, until=timezone.now() + timedelta(days=1))
    Appeal.objects.create(person=person, case=case, text=SECRET)
    Reveal.objects.create(
        conversation=reply.conversation, conversation_ref=reply.conversation_id, staff=other, staff_ref=other.pk
    )
    audit.record(other, "suspend", subject_type="person", subject_ref=person.pk)


def _make_work(person: User, other: User) -> None:
    """What the person did while they were of the staff, about somebody else."""
    reply = make_turn(other)
    case = Case.objects.create(reply=reply, person=other, assignee=person, opened_at=timezone.now())
    Review.objects.create(case=case, reviewer=person, outcome="agreed")
    Note.objects.create(case=case, author=person, text="A colleague's words")
    Suspension.objects.create(
        person=other, by=person, lifted_by=person, reason="Spam", until=timezone.now() + timedelta(days=1)
    )
    Appeal.objects.create(person=other, case=case, decided_by=person, state="denied")
    Reveal.objects.create(conversation=reply.conversation, conversation_ref=uuid4(), staff=person, staff_ref=person.pk)
    PolicyVersion.objects.create(
        number=1000, rules={}, note="x", author=person, activated_by=person, state=PolicyVersion.State.RETIRED
    )
    PasswordLink.objects.create(person=other, made_by=person, was_mailed=True)
    audit.record(person, "lift", subject_type="person", subject_ref=other.pk)


def _make_experiments(person: User) -> None:
    """The person was in one, tried prompts on words of their own, and ran experiments of the team."""
    version = making.prompt(f"Be warm, {uuid4().hex}")
    version.author = person
    version.save()
    experiment = making.running(
        "tone", {"a": {}, "b": {"prompt": version}}, owner=person, decided_by=person, decision="keep"
    )
    arm, phase = experiment.arms.get(key="b"), experiment.phases.get()
    Exposure.objects.create(phase=phase, arm=arm, person=person, at=timezone.now())
    ForcedArm.objects.create(experiment=experiment, arm=arm, person=person)
    Segment.objects.create(name="Testers").people.add(person)
    session = PlaygroundSession.objects.create(person=person, turns=[[["user", SECRET]]])
    runs = [
        PlaygroundRun.objects.create(session=session, column=column, turn=0, text=SECRET, html=f"<p>{SECRET}</p>")
        for column in (0, 1)
    ]
    PreferenceVote.objects.create(
        session=session,
        turn=0,
        left=runs[0],
        right=runs[1],
        left_serving={},
        right_serving={},
        turn_hash="0" * 12,
        position=0,
        choice=PreferenceVote.Choice.TIE,
        by=person,
    )
    PromptApproval.objects.create(version=version, by=person, is_approved=True)
    LabelChange.objects.create(label="candidate", after=version, by=person)
    StarterSet.objects.create(name="Ideas", ideas={}, author=person)
    ProductionChange.objects.create(by=person, reason="Shorter")
    settings_version = SettingsVersion.objects.create(number=1, note="Shorter", author=person)
    SettingsApproval.objects.create(version=settings_version, by=person, is_approved=True)
    Holdout.objects.create(share=1, by=person, is_open=False)
    TestTurn.objects.create(name="Greeting", messages=[["user", "Hello"]], author=person)
    life.note(experiment, "start", by=person)
    Report.objects.create(token_hash=uuid4().hex, experiment=experiment, figures={}, made_by=person)
