"""What everybody is answered with: written down once, approved by somebody else, put into production and back."""

from typing import Any

import pytest

from tests.webapp.experiments import making
from tests.webapp.experiments.team import browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import ProductionChange, SettingsVersion, StarterSet
from webapp.experiments.services import approvals, production, serving, settings_versions, versions
from webapp.experiments.services.stepping_back import ChangedMeanwhile, NotApproved, NothingBefore
from webapp.moderation.models import AuditEntry

pytestmark = pytest.mark.django_db

LIST = "/admin/experiments/settingsversion/"


@pytest.fixture
def author(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def colleague(db: None) -> User:
    return member_of("experimenter", "grace")


def written(author: User, **values: Any) -> SettingsVersion:
    return settings_versions.create(values, note="A try", author=author)


def approved(author: User, colleague: User, **values: Any) -> SettingsVersion:
    version = written(author, **values)
    approvals.approve(version, by=colleague)
    return version


def put(*versions: SettingsVersion, by: User) -> None:
    for version in versions:
        production.put(version, by=by, reason="Now", seen=production.last_change())


def roll_back(by: User) -> None:
    production.roll_back(by=by, reason="Back", seen=production.last_change())


def page(version: SettingsVersion) -> str:
    return f"{LIST}{version.pk}/change/"


def test_what_was_approved_serves_everybody_at_once(author: User, colleague: User) -> None:
    """All of it, and what it leaves open is as the site has it, whatever was in force."""
    ProductionChange.objects.create(top_p=0.4, reason="Shipped")
    version = approved(author, colleague, temperature=0.1, min_similarity=0.6, endpoint="")
    put(version, by=author)
    served = serving.in_production()
    assert (served.temperature, served.top_p, served.min_similarity) == (0.1, None, 0.6)
    acts = AuditEntry.objects.filter(subject_type="settings", subject_ref="1").values_list("action", flat=True)
    assert sorted(acts) == ["approve_settings", "put_settings", "write_settings"]


def test_nobody_is_served_with_what_nobody_has_approved(author: User, colleague: User) -> None:
    version = written(author, temperature=0.1)
    with pytest.raises(approvals.OwnWork):
        approvals.approve(version, by=author)
    with pytest.raises(NotApproved):
        put(version, by=author)
    approvals.approve(version, by=colleague)
    approvals.reject(version, by=colleague, note="Too dull")
    with pytest.raises(NotApproved):
        put(version, by=author)
    assert production.newest() is None


def test_who_is_alone_approves_their_own_and_the_record_says_so(author: User) -> None:
    version = written(author, temperature=0.1)
    approvals.approve(version, by=author)
    assert version.approvals.get().was_alone
    entry = AuditEntry.objects.get(action="approve_settings")
    assert entry.details == {"was_alone": True}


def test_the_same_settings_are_one_version(author: User) -> None:
    ideas = StarterSet.objects.create(name="own", ideas={})
    first = written(author, temperature=0.1, starters=ideas)
    written(author, temperature=0.1)
    with pytest.raises(versions.Duplicate) as caught:
        written(author, temperature=0.1, starters=ideas, endpoint=None)
    assert caught.value.version == first


def test_it_goes_back_step_by_step_and_never_forth(author: User, colleague: User) -> None:
    """What an experiment has shipped between two versions is a step, too."""
    cool, warm = (approved(author, colleague, temperature=value) for value in (0.1, 0.9))
    put(cool, by=author)
    production.ship({"top_p": 0.5}, by=author, reason="An arm")
    put(warm, by=author)
    seen = []
    for _ in range(3):
        roll_back(author)
        newest = production.newest()
        assert newest is not None
        seen.append((newest.temperature, newest.top_p, newest.version))
    assert seen == [(0.1, 0.5, None), (0.1, None, cool), (None, None, None)]
    with pytest.raises(NothingBefore):
        roll_back(author)


def test_going_back_passes_over_what_was_rejected(author: User, colleague: User) -> None:
    cool, mild, warm = (approved(author, colleague, temperature=value) for value in (0.1, 0.5, 0.9))
    put(cool, mild, warm, by=author)
    approvals.reject(mild, by=colleague, note="It rambles")
    roll_back(author)
    assert production.in_force()["temperature"] == 0.1


def test_what_was_shipped_on_top_of_something_rejected_does_not_come_back(author: User, colleague: User) -> None:
    """The rest of it is what the rejected version said."""
    cool, warm = (approved(author, colleague, temperature=value) for value in (0.1, 0.9))
    put(cool, by=author)
    production.ship({"top_p": 0.5}, by=author, reason="An arm")
    put(warm, by=author)
    approvals.reject(cool, by=colleague, note="It rambles")
    roll_back(author)
    assert production.in_force()["temperature"] is None


def test_undoing_does_not_bring_back_what_was_rejected(author: User, colleague: User) -> None:
    """What the rejected version left open is as the site has it, and may come back."""
    cool = approved(author, colleague, temperature=0.1)
    put(cool, by=author)
    production.ship({"temperature": 0.9, "top_p": 0.5}, by=author, reason="An arm")
    approvals.reject(cool, by=colleague, note="It rambles")
    with pytest.raises(NotApproved, match="Settings 1"):
        production.take_back({"temperature": 0.1, "top_p": None}, by=author, reason="Undone")
    production.take_back({"top_p": None}, by=author, reason="Undone")
    assert (production.in_force()["temperature"], production.in_force()["top_p"]) == (0.9, None)


def test_undoing_what_was_shipped_is_a_step_back(author: User, colleague: User) -> None:
    put(approved(author, colleague, temperature=0.1), by=author)
    production.ship({"temperature": 0.9}, by=author, reason="An arm")
    production.take_back({"temperature": 0.1}, by=author, reason="Undone")
    roll_back(author)
    assert production.in_force()["temperature"] is None


def test_what_was_shipped_meanwhile_is_not_undone_unseen(author: User, colleague: User) -> None:
    """Settings are a whole, and whoever asks has compared them with something else."""
    version = approved(author, colleague, temperature=0.1)
    seen = production.last_change()
    production.ship({"top_p": 0.5}, by=colleague, reason="An arm")
    with pytest.raises(ChangedMeanwhile):
        production.put(version, by=author, reason="Now", seen=seen)
    with pytest.raises(ChangedMeanwhile):
        production.roll_back(by=author, reason="Back", seen=seen)
    assert production.in_force()["top_p"] == 0.5


def test_a_model_server_that_left_the_settings_serves_nobody(author: User, colleague: User) -> None:
    with pytest.raises(CannotChange, match="away"):
        put(approved(author, colleague, endpoint="away"), by=author)


def test_written_on_one_page_and_put_into_production_on_the_next(author: User, colleague: User) -> None:
    ProductionChange.objects.create(top_p=0.4, reason="Shipped")
    mine, theirs = browser_for(author), browser_for(colleague)
    form = mine.get(f"{LIST}add/")
    assert form.context["form"].initial["top_p"] == 0.4
    sent = {"temperature": "0.2", "passage_tokens": "300", "note": "Calmer"}
    version = SettingsVersion.objects.get(pk=int(mine.post(f"{LIST}add/", sent)["Location"].split("/")[-3]))
    assert (version.temperature, version.top_p, version.passage_tokens) == (0.2, None, 300)
    text = mine.get(page(version)).content.decode()
    assert "so a colleague approves it" in text
    assert "It needs an approval first" in text
    mine.post(f"{LIST}{version.pk}/judge/", {"answer": "approve"})
    assert not approvals.is_approved(version)
    theirs.post(f"{LIST}{version.pk}/judge/", {"answer": "approve"})
    seen = production.last_change()
    assert f'name="seen" value="{seen}"' in mine.get(page(version)).content.decode()
    mine.post(f"{LIST}{version.pk}/put/", {"reason": "Calmer", "seen": seen})
    assert serving.in_production().temperature == 0.2
    assert "case-chip-milder" in mine.get(page(version)).content.decode()
    listed = mine.get(LIST).content.decode()
    assert "Then it is: Top p: 0.4." in listed
    for _ in range(2):  # a click that is sent twice
        mine.post(f"{LIST}rollback/", {"reason": "Back", "seen": production.last_change() if _ == 0 else seen})
    assert serving.in_production().top_p == 0.4


def test_the_page_names_the_experiments_that_it_moves(author: User, colleague: User) -> None:
    """An arm that leaves open what another one sets moves along with production."""
    tried = making.running("tone", {"control": {}, "new": {"temperature": 0.9}})
    making.running("reach", {"control": {}, "new": {"num_passages": 4}})
    text = browser_for(author).get(page(approved(author, colleague, temperature=0.1))).content.decode()
    assert f"/admin/experiments/experiment/{tried.pk}/change/" in text
    assert "reach" not in text


@pytest.mark.parametrize("role", ["member", "moderator"])
def test_others_see_and_change_nothing(author: User, colleague: User, role: str) -> None:
    version, browser = approved(author, colleague, temperature=0.1), browser_for(member_of(role))
    for address, sent in [
        (f"{LIST}add/", {"note": "Mine"}),
        (f"{LIST}{version.pk}/judge/", {"answer": "reject", "note": "No"}),
        (f"{LIST}{version.pk}/put/", {"reason": "Now", "seen": 0}),
        (f"{LIST}rollback/", {"reason": "Back", "seen": 0}),
    ]:
        assert browser.post(address, sent).status_code in (302, 403)
    assert browser.get(page(version)).status_code in (302, 403)
    assert (SettingsVersion.objects.count(), production.newest(), approvals.is_approved(version)) == (1, None, True)
