"""Policies in the administration: who may see, draft and put them into force, and what the pages say."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from assistant.safety.policy import DEFAULT_RULES, SMALL_MODEL_RULES
from tests.webapp.moderation.conftest import PRIVATE, BrowserOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import PolicyVersion, Verdict
from webapp.moderation.policy_changes import changes
from webapp.moderation.policy_forms import PolicyForm
from webapp.moderation.services import policies

pytestmark = pytest.mark.django_db

LIST = "/admin/moderation/policyversion/"
ADD = f"{LIST}add/"


def filled_in(rules: Any, **changed: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    return {**PolicyForm.initial_for(rules), "note": "Less noise", **changed}


def drafted(rules: Any = DEFAULT_RULES) -> PolicyVersion:
    author = User.objects.create_user(f"author-{PolicyVersion.objects.count()}", is_staff=True)
    return policies.draft(author=author, rules=rules, note="A try")


@pytest.mark.parametrize("role", ["nobody", "member", "moderator", "experimenter"])
def test_only_administrators_touch_policies(browser_of: BrowserOf, role: str) -> None:
    """Whoever decides cases does not move the thresholds that make them."""
    version = drafted()
    browser = browser_of(role)
    for address in (LIST, ADD, f"{LIST}{version.pk}/change/"):
        assert browser.get(address).status_code in {302, 403}, address
    browser.post(ADD, filled_in(DEFAULT_RULES))
    browser.post(f"{LIST}{version.pk}/activate/", {"reason": "because I want to"})
    assert list(PolicyVersion.objects.values_list("state", flat=True)) == ["draft"]


def test_the_form_is_filled_in_with_the_policy_in_force_and_reads_back(browser_of: BrowserOf) -> None:
    """Saving it unchanged gives the same rules; a changed number gives that change and no other."""
    browser = browser_of("administrator")
    page = browser.get(ADD).content.decode()
    assert 'name="input-self_harm-inform" value="0.3"' in page
    browser.post(ADD, filled_in(DEFAULT_RULES))
    assert PolicyVersion.objects.get().rules == {**DEFAULT_RULES, "code": "warn"}
    browser.post(ADD, filled_in(DEFAULT_RULES, **{"output-hate-block": "0.7"}))
    (change,) = changes(DEFAULT_RULES, PolicyVersion.objects.get(number=2).rules)
    assert (change.direction, change.action, change.before, change.after) == ("output", "withheld", 0.5, 0.7)
    assert not change.is_stricter


def test_a_form_that_makes_no_sense_comes_back_with_the_reason(browser_of: BrowserOf) -> None:
    """A warning that a block would hide, a number that is none: nothing is stored and nothing is lost."""
    browser = browser_of("administrator")
    hidden = browser.post(ADD, filled_in(DEFAULT_RULES, **{"input-hate-warn": "0.9", "input-hate-block": "0.4"}))
    assert "input.hate.block at 0.4 would hide warn at 0.9" in hidden.content.decode()
    assert 'value="0.9"' in hidden.content.decode()
    assert browser.post(ADD, filled_in(DEFAULT_RULES, **{"input-hate-block": "7"})).status_code == 200
    assert not PolicyVersion.objects.exists()


def test_a_draft_shows_what_differs_and_what_it_would_have_done(
    browser_of: BrowserOf, conversation: Conversation
) -> None:
    """In numbers, without a word of a conversation."""
    Verdict.objects.filter(action="block").update(categories={"hate": 0.6})
    rules = deepcopy(dict(DEFAULT_RULES))
    rules["output"]["hate"] = {"block": 0.8}
    page = browser_of("administrator").get(f"{LIST}{drafted(rules).pk}/change/").content.decode()
    assert "Hate against groups of people" in page
    assert "milder" in page
    assert "Put this policy into force" in page
    assert PRIVATE not in page


def test_it_is_put_into_force_with_a_reason(browser_of: BrowserOf) -> None:
    """And only with one."""
    version = drafted()
    browser = browser_of("administrator")
    address = f"{LIST}{version.pk}/activate/"
    assert browser.post(address, {"reason": "short"}).status_code == 200
    assert browser.get(address).status_code == 200
    assert PolicyVersion.objects.get().state == "draft"
    assert browser.post(address, {"reason": "The replay spares 12 false alarms"}).status_code == 302
    assert PolicyVersion.objects.get().state == "active"
    again = browser.post(address, {"reason": "Once more, to be sure"}, follow=True)
    assert "copy this version" in again.content.decode()


def test_an_old_version_is_copied_into_a_draft(browser_of: BrowserOf) -> None:
    """Going back is two clicks, and a version of its own."""
    rules = deepcopy(dict(DEFAULT_RULES))
    rules["input"]["hate"] = {"block": 0.123}
    old = drafted(rules)
    page: Any = browser_of("administrator").get(f"{ADD}?copy={old.number}")
    assert 'name="input-hate-block" value="0.123"' in page.content.decode()


def test_a_version_that_cannot_be_read_says_so(browser_of: BrowserOf) -> None:
    """Its page opens all the same."""
    version = drafted()
    PolicyVersion.objects.update(rules={"input": {"*": {}}, "output": {"*": {}}, "closed": ["spam"]})
    page = browser_of("superuser").get(f"{LIST}{version.pk}/change/")
    assert "closed: must be a list of categories" in page.content.decode()


def test_the_list_does_not_ask_for_each_row(browser_of: BrowserOf, django_assert_max_num_queries: Any) -> None:
    for _ in range(20):
        drafted()
    browser: Client = browser_of("administrator")
    with django_assert_max_num_queries(20):
        assert "Policy 20" in browser.get(LIST).content.decode()


def test_a_policy_in_force_that_cannot_be_read_is_no_dead_end(browser_of: BrowserOf) -> None:
    """A new draft begins from the rules that came with Cria; the unreadable ones are not copied, and it says why."""
    unreadable = {"input": {"*": {}}, "output": {"*": {}}, "closed": ["spam"]}
    PolicyVersion.objects.create(number=1, state="active", rules=unreadable, note="From another version")
    browser = browser_of("administrator")
    assert 'name="input-self_harm-inform" value="0.3"' in browser.get(ADD).content.decode()
    copied = browser.get(f"{ADD}?copy=1", follow=True)
    assert "closed: must be a list of categories" in copied.content.decode()


def test_asking_for_more_is_stricter() -> None:
    """A category that is held, a stronger least action: here the greater number is the stricter one."""
    rules = deepcopy(dict(DEFAULT_RULES))
    rules["closed"] = [*rules["closed"], "hate"]
    rules["unknown_language"] = {"scale": 0.4, "action": "block"}
    stricter, milder = changes(DEFAULT_RULES, rules), changes(rules, DEFAULT_RULES)
    assert len(stricter) == len(milder) == 3
    assert all(change.is_stricter for change in stricter)
    assert not any(change.is_stricter for change in milder)


def test_code_is_a_rule_of_the_policy(browser_of: BrowserOf) -> None:
    """The form begins with what is done now; a version from before it existed says nothing of it."""
    browser = browser_of("administrator")
    page = browser.get(ADD).content.decode()
    assert '<option value="warn" selected>' in page
    browser.post(ADD, filled_in(DEFAULT_RULES, code="block"))
    version = PolicyVersion.objects.get()
    assert version.rules["code"] == "block"
    page = browser.get(f"{LIST}{version.pk}/change/").content.decode()
    assert "code waits to be looked through" in page
    assert "strictness (0 to 2)" in page


def test_code_that_nothing_looks_through_is_warned_of(
    browser_of: BrowserOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or an administrator would think that answers are withheld for it."""
    shield = SemgrepShield(ShieldConfig(packages=tmp_path))
    monkeypatch.setattr("webapp.wiring.code_shield.shield", lambda: shield)
    browser = browser_of("administrator")
    for code, is_warned in (("block", True), ("off", False)):
        page = f"{LIST}{drafted({**DEFAULT_RULES, 'code': code}).pk}/change/"
        assert ("the tool for it is missing" in browser.get(page).text) == is_warned
    assert "the tool for it is missing" in browser.get(ADD).text


def test_a_draft_that_leaves_distress_to_small_models_says_so(browser_of: BrowserOf) -> None:
    """A version in force holds for every model, also for one that comes later."""
    browser = browser_of("administrator")
    for rules, is_warned in ((DEFAULT_RULES, True), (SMALL_MODEL_RULES, False)):
        page = browser.get(f"{LIST}{drafted(rules).pk}/change/").content.decode()
        assert ("rambles on after the help line" in page) is is_warned
        assert "It cannot see what was never scored" in page
