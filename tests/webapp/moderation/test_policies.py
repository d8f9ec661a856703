"""Policies: drafted, put into force, and what the guards of every process judge by from then on."""

import logging
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety import verdict as safety
from assistant.safety.canary import LEAKED
from assistant.safety.code_badges import insecure_code
from assistant.safety.code_shield.report import CodeReport
from assistant.safety.fail_open import FailOpen
from assistant.safety.hearing import HearingDistress
from assistant.safety.policy import (
    DEFAULT_POLICY,
    DEFAULT_RULES,
    SMALL_MODEL,
    SMALL_MODEL_POLICY,
    SMALL_MODEL_RULES,
    Policy,
    PolicyError,
    policy_from,
)
from tests.webapp.moderation.making import make_reply
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import AuditEntry, Case, PolicyVersion, Verdict
from webapp.moderation.services import audit, policies, verdicts

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief() -> User:
    return User.objects.create_user("chief", is_staff=True)


@pytest.fixture(autouse=True)
def nothing_kept() -> Any:
    policies.forget()
    yield
    policies.forget()


def rules(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(dict(DEFAULT_RULES)), **changes}


STRICTER = {"*": {"block": 0.2}}


def test_without_a_version_the_default_is_in_force() -> None:
    assert policies.active() is DEFAULT_POLICY


def test_without_a_version_the_default_is_that_of_the_model(chief: User) -> None:
    """One process may serve both. A version of the operator's own wins over either, also where a draft begins."""
    small = SMALL_MODEL - 1
    assert policies.active(num_parameters=small) is SMALL_MODEL_POLICY
    assert policies.active(num_parameters=SMALL_MODEL) is DEFAULT_POLICY
    assert policies.active_rules(num_parameters=small) == dict(SMALL_MODEL_RULES)
    version = policies.draft(author=chief, rules=rules(), note="The same for every model")
    policies.activate(version, by=chief, reason="We know our people")
    policies.forget()
    assert policies.active(num_parameters=small).version == "1"
    assert policies.active(num_parameters=small).decide({"self_harm": 0.5}, "input").action == "inform"
    assert policies.active_rules(num_parameters=small) == rules()


@pytest.mark.django_db(transaction=True)
def test_a_policy_takes_effect_when_it_is_put_into_force(chief: User) -> None:
    """Not before, and under its number; the act is on record."""
    policies.active()
    version = policies.draft(author=chief, rules=rules(input=STRICTER), note="Stricter")
    assert policies.active() is DEFAULT_POLICY
    policies.activate(version, by=chief, reason="Replay looks good")
    assert policies.active().version == "1"
    assert policies.active().decide({"hate": 0.3}, "input").action == "block"
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "actor")) == [
        ("draft_policy", chief.pk),
        ("activate_policy", chief.pk),
    ]
    assert audit.first_broken() is None


def test_one_policy_is_in_force(chief: User) -> None:
    """The one before it retires, and the database would not have it otherwise."""
    first, second = (policies.draft(author=chief, rules=rules(), note=str(n)) for n in range(2))
    policies.activate(first, by=chief, reason="")
    policies.activate(second, by=chief, reason="")
    assert dict(PolicyVersion.objects.values_list("number", "state")) == {1: "retired", 2: "active"}
    with pytest.raises(IntegrityError):
        PolicyVersion.objects.filter(pk=first.pk).update(state=PolicyVersion.State.ACTIVE)


def test_what_was_in_force_does_not_come_back_by_itself(chief: User) -> None:
    """Its rules are used again through a copy, so that each time in force is a version of its own."""
    first, second = (policies.draft(author=chief, rules=rules(), note=str(n)) for n in range(2))
    policies.activate(first, by=chief, reason="")
    policies.activate(second, by=chief, reason="")
    with pytest.raises(PolicyError, match="copy this version"):
        policies.activate(first, by=chief, reason="")


def test_rules_that_cannot_be_read_are_no_draft(chief: User) -> None:
    with pytest.raises(PolicyError, match=r"input\.spam"):
        policies.draft(author=chief, rules=rules(input={"*": {}, "spam": {}}), note="")
    assert not PolicyVersion.objects.exists()


def test_damaged_rules_leave_the_last_good_ones_in_force(
    chief: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said in the log, and never a turn without a policy."""
    version = policies.draft(author=chief, rules=rules(input=STRICTER), note="")
    policies.activate(version, by=chief, reason="")
    policies.forget()
    assert policies.active().version == "1"
    monkeypatch.setattr(policies, "KEPT_S", -1.0)
    PolicyVersion.objects.update(rules={"input": "damaged"})
    with caplog.at_level(logging.ERROR):
        assert policies.active().version == "1"
    assert "policy_unreadable" in caplog.messages
    policies.forget()
    assert policies.active() is DEFAULT_POLICY


def test_a_draft_is_replayed_over_what_is_on_record(chief: User, conversation: Conversation) -> None:
    """The fixture has an allowed and a withheld turn; a moderator found the withheld one to be a false alarm."""
    Verdict.objects.filter(action="block").update(categories={"hate": 0.6})
    Verdict.objects.filter(action="allow").update(categories={"hate": 0.1})
    withheld = Verdict.objects.get(action="block").reply
    Case.objects.update_or_create(
        reply=withheld,
        defaults={"person": conversation.owner, "opened_at": withheld.created_at, "outcome": Case.Outcome.DISAGREED},
    )
    milder = rules(input={"*": {"block": 0.7}}, output={"*": {"block": 0.7}})
    found = policies.replayed(milder, days=7)
    assert (found.num_turns, found.num_changed, found.spared, found.missed) == (2, 1, 1, 0)
    assert policies.replayed(rules(), days=7).num_changed == 0


class Away:
    """A guard that does not answer."""

    async def check(self, conversation: Sequence[ChatMessage]) -> safety.Verdict:
        raise GuardUnavailable("away")


def test_what_no_policy_decided_is_not_decided_otherwise(owner: User) -> None:
    """The same rules would let pass an answer that read its instructions out, and put the help beside an answer that
    nobody checks."""
    message = [ChatMessage(role="user", text="I want to die")]
    for verdict in (
        LEAKED,
        insecure_code(CodeReport(blocks=())),
        async_to_sync(FailOpen(Away(), None, policy=without_closed()).check)(message),
        async_to_sync(HearingDistress(Away(), policy=DEFAULT_POLICY).check)(message),
    ):
        direction: Literal["input", "output"] = "input" if "self_harm" in verdict.violated else "output"
        verdicts.record(make_reply(owner).pk, direction, verdict)
    stricter = rules(input=STRICTER, output={"*": {"block": 0.0}}, closed=[])
    for replayed in (rules(), stricter):
        found = policies.replayed(replayed, days=7)
        assert (found.num_turns, found.num_changed) == (0, 0)


def without_closed() -> Policy:
    return policy_from(rules(closed=[]), version="1")
