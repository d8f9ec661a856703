"""Labels: what is in production is approved, and goes back in one step."""

import pytest

from tests.webapp.experiments.team import approved, browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.models import LabelChange, PromptVersion
from webapp.experiments.services import approvals, labels, prompts, serving
from webapp.experiments.services.stepping_back import NotApproved, NothingBefore
from webapp.moderation.models import AuditEntry

pytestmark = pytest.mark.django_db

LIST = "/admin/experiments/promptversion/"
PRODUCTION = labels.PRODUCTION


@pytest.fixture
def author(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def colleague(db: None) -> User:
    return member_of("experimenter", "grace")


@pytest.fixture
def versions(author: User, colleague: User) -> list[PromptVersion]:
    return [approved(text, author=author, by=colleague) for text in ("One.", "Two.", "Three.")]


def put(*versions: PromptVersion, by: User) -> None:
    for version in versions:
        labels.put(PRODUCTION, version, by=by, reason="A try")


def test_production_needs_an_approval_and_other_labels_do_not(author: User) -> None:
    version = prompts.create("One.", note="x", author=author)
    with pytest.raises(NotApproved):
        labels.put(PRODUCTION, version, by=author, reason="Now")
    assert labels.production() is None
    labels.put("candidate", version, by=author, reason="Next")
    assert [label.name for label in version.labels.all()] == ["candidate"]


def test_a_label_moves_and_everything_is_on_record(versions: list[PromptVersion], author: User) -> None:
    one, two, _three = versions
    put(one, two, two, by=author)
    assert labels.production() == two
    changes = [(change.before, change.after) for change in LabelChange.objects.order_by("pk")]
    assert changes == [(None, one), (one, two)]
    entry = AuditEntry.objects.filter(action="put_label").first()
    assert entry is not None
    assert (entry.subject_ref, entry.reason, entry.details["before"]) == ("2", "A try", 1)


def test_taken_away_it_is_the_built_in_prompt(versions: list[PromptVersion], author: User) -> None:
    put(versions[0], by=author)
    labels.take_away(PRODUCTION, by=author, reason="Never mind")
    labels.take_away(PRODUCTION, by=author, reason="Never mind")
    assert labels.production() is None
    assert LabelChange.objects.count() == 2


def test_what_is_in_production_is_served_at_once(versions: list[PromptVersion], author: User) -> None:
    assert "friendly" in serving.in_production().system_prompt
    put(versions[0], by=author)
    assert serving.in_production().system_prompt == "One."
    labels.rollback(by=author, reason="It was better before")
    assert "friendly" in serving.in_production().system_prompt


def test_a_rollback_goes_back_step_by_step_and_never_forth(versions: list[PromptVersion], author: User) -> None:
    one, two, three = versions
    put(one, two, three, by=author)
    assert labels.rollback(by=author, reason="x") == two
    assert labels.rollback(by=author, reason="x") == one
    put(three, by=author)
    assert [labels.rollback(by=author, reason="x") for _ in range(2)] == [one, None]
    with pytest.raises(NothingBefore):
        labels.rollback(by=author, reason="x")
    assert labels.production() is None


def test_a_label_that_was_put_back_by_hand_is_a_step_of_its_own(versions: list[PromptVersion], author: User) -> None:
    one, two, _three = versions
    put(one, two, one, by=author)
    assert labels.rollback(by=author, reason="x") == two
    assert labels.rollback(by=author, reason="x") == one


def test_a_rollback_passes_over_what_was_rejected(versions: list[PromptVersion], author: User, colleague: User) -> None:
    one, two, three = versions
    put(one, two, three, by=author)
    approvals.reject(two, by=colleague, note="It lies")
    assert labels.rollback(by=author, reason="x") == one


def test_only_the_rejected_before_leaves_the_built_in_one(
    versions: list[PromptVersion], author: User, colleague: User
) -> None:
    one, two, _three = versions
    put(one, two, one, by=author)
    approvals.reject(two, by=colleague, note="It lies")
    assert labels.rollback(by=author, reason="x") is None


def test_the_page_puts_a_label_and_takes_it_away(versions: list[PromptVersion], author: User) -> None:
    version = versions[0]
    browser = browser_for(author)
    browser.post(f"{LIST}{version.pk}/label/", {"name": "production", "reason": "The best so far"})
    assert labels.production() == version
    page = browser.get(f"{LIST}{version.pk}/change/").content.decode()
    assert "Take “production” away" in page
    assert "The best so far" in page
    assert "production" in browser.get(LIST).content.decode()
    browser.get(f"{LIST}{version.pk}/unlabel/", {"name": "production"})
    assert labels.production() == version
    browser.post(f"{LIST}{version.pk}/unlabel/", {"name": "production"})
    assert labels.production() is None


def test_the_page_says_why_a_label_does_not_move(author: User) -> None:
    version = prompts.create("One.", note="x", author=author)
    browser = browser_for(author)
    label = f"{LIST}{version.pk}/label/"
    refused = browser.post(label, {"name": "production", "reason": "Now"}, follow=True).content.decode()
    assert "has to be approved" in refused
    assert browser.post(label, {"name": "two words", "reason": "Now"}).status_code == 200
    assert browser.post(label, {"name": "candidate", "reason": ""}).status_code == 200
    assert not LabelChange.objects.exists()


def test_production_goes_back_in_one_click(versions: list[PromptVersion], author: User) -> None:
    """The reason is filled in."""
    one, two, _three = versions
    put(one, two, by=author)
    browser = browser_for(author)
    page = browser.get(LIST).content.decode()
    assert "Roll back to Prompt 1" in page
    assert 'value="Back to Prompt 1, which was in production before"' in page
    assert browser.get(f"{LIST}rollback/").status_code == 302
    browser.post(f"{LIST}rollback/", {"reason": "", "seen": labels.last_change()})
    assert labels.production() == two
    browser.post(f"{LIST}rollback/", {"reason": "Back", "seen": labels.last_change()})
    assert labels.production() == one


def test_a_click_that_is_sent_twice_goes_back_once(versions: list[PromptVersion], author: User) -> None:
    one, two, three = versions
    put(one, two, three, by=author)
    browser = browser_for(author)
    seen = labels.last_change()
    assert f'name="seen" value="{seen}"' in browser.get(LIST).content.decode()
    for _ in range(2):
        answer = browser.post(f"{LIST}rollback/", {"reason": "Back", "seen": seen}, follow=True).content.decode()
    assert labels.production() == two
    assert "Production has changed meanwhile" in answer


def test_who_may_not_move_labels_rolls_nothing_back(versions: list[PromptVersion], author: User) -> None:
    put(versions[0], by=author)
    for role in ("member", "moderator"):
        browser_for(member_of(role)).post(f"{LIST}rollback/", {"reason": "Back", "seen": labels.last_change()})
        browser_for(member_of(role, f"another-{role}")).post(
            f"{LIST}{versions[1].pk}/label/", {"name": "production", "reason": "Mine"}
        )
    assert labels.production() == versions[0]
