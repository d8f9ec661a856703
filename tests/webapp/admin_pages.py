"""Every page of the administration, with something on it, as a superuser gets it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import F, Model
from django.test import Client
from django.test.utils import ContextList
from django.urls import reverse
from django.utils import timezone

from tests.webapp.experiments import planning, results_making
from tests.webapp.experiments.playing import tried
from tests.webapp.moderation.making import close, make_case, make_moderator
from tests.webapp.url_table import View, browser_of, one_of_each, views
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.experiments.models import (
    Experiment,
    Holdout,
    Layer,
    Metric,
    PlaygroundRun,
    PlaygroundSession,
    PromptVersion,
    Segment,
    SettingsVersion,
    Share,
    StarterSet,
    TestTurn,
)
from webapp.experiments.services import approvals, holdouts, labels, production, prompts, settings_versions
from webapp.experiments.services.playground_turns import typed
from webapp.library.models import Document, Passage
from webapp.moderation.models import Appeal, AuditEntry, Case, PolicyVersion, Reveal, Review, Suspension, Verdict
from webapp.moderation.services import appeals, policies, reveals, suspensions

# By how their names end: what only leads on, or back; files, and answers for scripts.
NO_PAGES = (
    *("judge", "label", "unlabel", "rollback", "put", "act", "activate", "verify", "measure", "revoke", "answer"),
    *("discard", "go_on", "retry", "save", "stop", "vote", "bulk", "case_undo", "logout", "period", "copy", "report"),
    *("playground_delete", "view_on_site"),
    *("csv", "picture", "autocomplete", "jsi18n", "search", "cells"),
)
# As Django makes them for every model, one like the other: one is enough.
ALIKE = ("_history",)


@dataclass(frozen=True, slots=True)
class AdminPage:
    """`policy` is its Content-Security-Policy; `templates` are all that took part in it."""

    name: str
    address: str
    html: str
    policy: str
    templates: frozenset[str]


class Walk:
    """Along the URL table, so that no page can be forgotten."""

    def __init__(self) -> None:
        self.viewer = User.objects.create_superuser("inspector", "inspector@example.org", first_name="Inspector")
        self._things = one_of_each_kind(self.viewer)
        self._browser = browser_of(self.viewer)
        cases = [case.pk for case in self._things[Case][:1]]
        self._posted: Mapping[str, Mapping[str, object]] = {
            "admin:moderation_case_look": {},
            "admin:moderation_case_second": {},
            "admin:moderation_appeal_read": {},
            "admin:moderation_case_act": {"act": "agree", "version": 0},
            "admin:moderation_case_changelist": {"action": "agree_with_all", "_selected_action": cases},
            "admin:chat_conversation_reveal": {"reason": "An appeal by its person"},
        }
        """Pages that are the answer to a button."""

    def pages(self) -> Iterator[AdminPage]:
        """Raises AssertionError, with the view, for one that is not known to show no page and shows none."""
        ends = tuple(f"_{end}" for end in NO_PAGES)
        alike: set[str] = set()
        for view in views():
            end = next((end for end in ALIKE if view.name.endswith(end)), view.name)
            is_page = view.name in self._posted or not view.name.replace(":", "_").endswith(ends)
            if view.is_admin and is_page and end not in alike:
                alike.add(end)
                yield from self._pages_of(view)

    def _pages_of(self, view: View) -> Iterator[AdminPage]:
        answers = []
        browser = Client() if view.name == "admin:login" else self._browser
        for address in self._addresses(view):
            answers.append((address, browser.get(address)))
            if view.name in self._posted:
                answers.append((address, self._browser.post(address, self._posted[view.name])))
        pages = [self._page(view, address, answer) for address, answer in answers if answer.status_code in (200, 409)]
        # Records are added, changed and deleted by nobody: Django has the addresses all the same.
        is_default = view.function.__module__ == "django.contrib.admin.options"
        is_nobodys = is_default and {answer.status_code for _, answer in answers} <= {403, 405}
        assert pages or is_nobodys, (view.name, [(address, answer.status_code) for address, answer in answers])
        yield from pages

    def _page(self, view: View, address: str, answer: object) -> AdminPage:
        templates = {template.name for template in getattr(answer, "templates", ContextList()) if template.name}
        policy = getattr(answer, "headers", {}).get("Content-Security-Policy", "")
        html = answer.content.decode()  # type: ignore[attr-defined]
        return AdminPage(view.name, address, html, policy, frozenset(map(str, templates)))

    def _addresses(self, view: View) -> Sequence[str]:
        if not view.names:
            return [reverse(view.name)]
        first, *others = view.names
        if first == "app_label":
            return [reverse(view.name, args=["experiments"])]
        found = []
        for thing in self._named(view):
            more = {name: _beside(thing, name) for name in others}
            if all(more.values()):
                found.append(reverse(view.name, kwargs={first: thing.pk, **more}))
        return found

    def _named(self, view: View) -> Sequence[Model]:
        """By the beginning of its name: `app_model_`."""
        name = view.name.removeprefix("admin:")
        for model in admin.site._registry:
            starts = {f"{model._meta.app_label}_{model._meta.model_name}_"}
            if model is User:
                starts.add("auth_user_")
            if any(name.startswith(start) for start in starts):
                assert self._things.get(model), f"{model._meta.label}: add one to one_of_each_kind"
                return self._things[model]
        raise LookupError(view.name)


def _beside(thing: Model, name: str) -> object:
    """What an address names besides the first thing."""
    if not isinstance(thing, Experiment):
        raise LookupError(f"{thing._meta.label} {name}: say here what that is")
    if name == "arm_key":
        arm = thing.arms.filter(is_control=False).first()
        return arm and arm.key
    measured = thing.metrics.first()
    return measured and measured.metric_id


def one_of_each_kind(viewer: User) -> Mapping[type[Model], Sequence[Model]]:
    """Of everything in the administration, in each state that has a page of its own."""
    person, colleague = User.objects.create_user("ana", "ana@example.org", first_name="Ana"), make_moderator("mo")
    one_of_each(person)
    return {
        **_moderated(person, viewer, colleague),
        **_versions(viewer, colleague),
        **_measured(viewer),
        User: [person, User.objects.get(username="bo")],
        Group: list(Group.objects.all()[:1]),
        Conversation: [Conversation.objects.filter(owner=person).earliest("created_at")],
        Reply: list(Reply.objects.filter(conversation__owner=person)[:1]),
        Document: (documents := list(Document.objects.all()[:1])),
        Passage: [
            Passage.objects.create(document=documents[0], ord=0, char_start=0, char_end=6, text="Words.", model_id="m")
        ],
    }


def _moderated(person: User, viewer: User, colleague: User) -> Mapping[type[Model], Sequence[Model]]:
    """A case that waits, one that was decided and waits for a second review, and an appeal against a suspension."""
    waiting, decided, twice = (make_case(person, language="en", category=name) for name in ("hate", "csae", "hate"))
    for case in (decided, twice):
        close(case, colleague)
    Review.objects.filter(case=twice).update(wants_second=True, due_at=None)
    Case.objects.update(version=F("version") + 1)  # somebody else was faster
    bo = User.objects.create_user("bo", "bo@example.org")
    until = timezone.now() + timedelta(days=7)
    suspension = suspensions.suspend(bo, by=colleague, reason="He threatens people.", until=until)
    reveal = reveals.reveal(waiting.reply.conversation, staff=colleague, reason="An appeal by its person")
    draft = policies.draft(author=viewer, rules=policies.active_rules(), note="Milder")
    retired = policies.draft(author=viewer, rules=policies.active_rules(), note="As it was")
    policies.activate(retired, by=viewer, reason="For a start")
    return {
        Case: [waiting, decided],
        Verdict: list(Verdict.objects.filter(reply=waiting.reply)),
        Suspension: [suspension],
        Appeal: [appeals.appeal(bo, suspension_id=suspension.pk, text="It was a joke.")],
        Reveal: [reveal],
        PolicyVersion: [draft, retired],
        AuditEntry: list(AuditEntry.objects.all()[:1]),
    }


def _versions(viewer: User, colleague: User) -> Mapping[type[Model], Sequence[Model]]:
    """One in production, one that was put there before, and one of one's own that waits for a colleague."""
    author = User.objects.create_user("grace", is_staff=True, is_superuser=True, first_name="Grace")
    first, second = (prompts.create(text, note=text, author=author) for text in ("Be brief.", "Be kind."))
    cool, warm = (
        settings_versions.create({"temperature": value}, note=f"{value}", author=author) for value in (0.2, 0.9)
    )
    for version in (first, second, cool, warm):
        approvals.approve(version, by=viewer, note="Good")
    for version in (first, second):
        labels.put(labels.PRODUCTION, version, by=author, reason="Better")
    for version in (cool, warm):
        production.put(version, by=author, reason="Better", seen=production.last_change())
    labels.put("candidate", first, by=author, reason="Again")
    waiting = prompts.create("Be brief and kind.", note="Both", author=viewer, based_on=second)
    rejected = settings_versions.create({"top_p": 0.5, "num_passages": 4}, note="Narrow", author=viewer)
    approvals.reject(rejected, by=author, note="Too dull")
    written = TestTurn.objects.create(name="Wool", messages=[["user", "wool"], ["assistant", "Yes?"], ["user", "Why?"]])
    return {
        PromptVersion: [second, waiting],
        SettingsVersion: [cool, rejected],
        TestTurn: [written],
        PlaygroundSession: [_played(viewer, is_blind=is_blind) for is_blind in (False, True)],
    }


def _played(viewer: User, *, is_blind: bool) -> PlaygroundSession:
    """The last turn is still being answered."""
    session = tried(viewer, "Be brief.", "Be kind.", turns=[typed("wool"), typed("moss")], is_blind=is_blind)
    state, html = PlaygroundRun.State.DONE, "<p>It is <strong>warm</strong>.</p>"
    usage = {"prompt_tokens": 40, "reply_tokens": 6}
    session.runs.filter(turn=0).update(
        state=state, text="It is warm.", html=html, usage=usage, first_text_ms=240.0, total_ms=900.0
    )
    session.runs.filter(turn=1, column=1).update(state=PlaygroundRun.State.FAILED, error_code="model_unavailable")
    return session


def _measured(viewer: User) -> Mapping[type[Model], Sequence[Model]]:
    """A holdout, and experiments that are planned, that run with figures, and that ended."""
    holdout = holdouts.begin(share=50, by=viewer, reason="This year")
    StarterSet.objects.create(name="Own", ideas={"en": {}}, author=viewer)
    draft = planning.ready("tone", owner=viewer)
    planning.ramp(draft, (100, 24), (500, 24))
    ready, ends = (results_making.situation(badge).experiment for badge in ("ship", "roll_back"))
    State = Experiment.State
    ended = {"state": State.STOPPED, "stopped_at": timezone.now(), "decision": "roll_back", "is_bandit": True}
    Experiment.objects.filter(pk=ends.pk).update(**ended)
    for arm in ends.arms.all():
        day = results_making.date_of(4)
        Share.objects.create(phase=ends.phases.get(), arm=arm, first_day=day, weight=500, chance=0.5)
    few = User.objects.filter(exposures__isnull=False).order_by("username")[:8]
    User.objects.filter(exposures__isnull=False).exclude(pk__in=list(few.values_list("pk", flat=True))).delete()
    segment = Segment.objects.create(name="School")
    segment.people.add(viewer)
    return {
        Holdout: [holdout],
        Experiment: [ready, draft, Experiment.objects.get(pk=ends.pk)],
        Layer: list(Layer.objects.all()[:1]),
        Metric: list(Metric.objects.filter(experiments__experiment=ready)[:1]),
        Segment: [segment],
        StarterSet: list(StarterSet.objects.all()),
    }
