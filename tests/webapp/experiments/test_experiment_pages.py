"""The pages on which experiments are planned, started, watched and ended."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.experiments.making import draft, running
from tests.webapp.experiments.planning import TWO, kinds, ready
from tests.webapp.experiments.team import approved, browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Exposure, ForcedArm, Holdout, Layer, Metric, PromptVersion, Segment
from webapp.experiments.plan_forms import STANDARD
from webapp.experiments.services import life
from webapp.moderation.models import AuditEntry

pytestmark = pytest.mark.django_db

LIST = "/admin/experiments/experiment/"
State = Experiment.State


@pytest.fixture
def ada(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def browser(ada: User) -> Client:
    return browser_for(ada)


@pytest.fixture
def prompt(ada: User) -> PromptVersion:
    return approved("Be warm.", author=ada, by=member_of("experimenter", "grace"))


def page(experiment: Experiment) -> str:
    return f"{LIST}{experiment.pk}/change/"


def act(experiment: Experiment, name: str) -> str:
    return f"{LIST}{experiment.pk}/act/{name}/"


def again(experiment: Experiment) -> Experiment:
    return Experiment.objects.get(pk=experiment.pk)


def filled(browser: Client, address: str, **changes: Any) -> dict[str, Any]:
    """What a browser would send of the form at this address, with some fields changed."""
    forms = browser.get(address).context["forms"]
    sent: dict[str, Any] = {}
    for form in (forms.plan, forms.arms.management_form, *forms.arms, forms.metrics):
        for field in form:
            value = field.value()
            if isinstance(value, list | tuple) or hasattr(value, "all"):
                value = [getattr(one, "pk", one) for one in value]
            value = getattr(value, "pk", value)
            if value not in (None, False):
                sent[field.html_name] = value
    return {**sent, **changes}


def test_a_draft_from_a_prompt_in_one_form(browser: Client, ada: User, prompt: PromptVersion) -> None:
    """Whoever comes from a prompt writes a hypothesis and saves: the rest is filled in sensibly."""
    address = f"{LIST}add/?prompt={prompt.pk}"
    answer = browser.post(address, filled(browser, address, hypothesis="Warm answers are kept."))
    experiment = Experiment.objects.get()
    assert answer["Location"] == page(experiment)
    assert (experiment.owner, str(experiment.layer), experiment.traffic) == (ada, "Main", 1000)
    assert list(experiment.arms.values_list("key", "is_control", "prompt")) == [
        ("a", True, None),
        ("b", False, prompt.pk),
    ]
    roles = dict(experiment.metrics.values_list("metric__key", "role"))
    assert (roles["thumbs_up_rate_6h"], roles["reports"], roles["answer_length"]) == ("goal", "guardrail", "secondary")
    assert experiment.metrics.get(metric__key="reports").margin == 0.005
    assert list(experiment.ramp.values_list("slots", flat=True)) == [10, 100, 500, 1000]
    assert browser.post(act(experiment, "start")).status_code == 302
    assert again(experiment).state == State.RUNNING


@pytest.mark.parametrize(
    ("written", "steps", "shown"),
    [
        ("2,5 % 12 h\n\n30 24\n100 %", [(25, 12), (300, 24), (1000, 24)], "2.5 % 12 h\n30 % 24 h\n100 % 24 h"),
        ("5;6h", [(50, 6), (1000, 24)], "5 % 6 h\n100 % 24 h"),
    ],
)
def test_a_ramp_has_the_steps_that_somebody_writes(
    browser: Client, written: str, steps: list[tuple[int, int]], shown: str
) -> None:
    """Per cent of the people of the experiment; all of them in the end. They come back as they were written."""
    sent = filled(browser, f"{LIST}add/", name="Own", hypothesis="x", ramp="own", steps=written)
    browser.post(f"{LIST}add/", sent | {"arms-1-name": "Cool", "arms-1-temperature": "0.1"})
    experiment = Experiment.objects.get()
    assert list(experiment.ramp.values_list("slots", "hours")) == steps
    edit = f"{LIST}{experiment.pk}/edit/"
    again_sent = filled(browser, edit)
    assert (again_sent["ramp"], again_sent["steps"]) == ("own", shown)
    browser.post(edit, again_sent)
    assert list(experiment.ramp.values_list("slots", "hours")) == steps


def test_settings_tried_in_the_playground_come_along(browser: Client) -> None:
    address = f"{LIST}add/?temperature=0.4&max_reply_tokens=200&nonsense=1"
    browser.post(address, filled(browser, address, name="Short", hypothesis="Short is enough."))
    arm = Experiment.objects.get().arms.get(key="b")
    assert (arm.temperature, arm.max_reply_tokens, arm.top_p) == (0.4, 200, None)


@pytest.mark.parametrize("asked", ["prompt=x", "prompt=999999", "prompt=" + "9" * 40, "temperature=hot"])
def test_what_an_address_says_wrongly_is_no_error(browser: Client, asked: str) -> None:
    assert browser.get(f"{LIST}add/?{asked}").status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hypothesis": ""}, "This field is required"),
        ({"share": "0"}, "0.1"),
        ({"arms-1-name": "", "arms-1-temperature": "0.5"}, "Please give it a name"),
        ({"arms-1-name": ""}, "two arms at least"),
        ({"arms-1-temperature": "3"}, "less than or equal to 2"),
        ({"arms-1-endpoint": "nowhere"}, "Select a valid choice"),
        ({"starts_at": "2030-01-02T10:00", "stops_at": "2030-01-01T10:00"}, "before it starts"),
        ({"languages": ["xx"]}, "Select a valid choice"),
        ({"ramp": "own"}, "Please write the steps"),
        ({"ramp": "own", "steps": "1 % 24 h\nall of it"}, "is no step"),
        ({"ramp": "own", "steps": "0 % 24 h"}, "is no step"),
        ({"ramp": "own", "steps": "50 %"}, "is no step"),
        ({"ramp": "own", "steps": "50 % 24 h\n10 % 24 h"}, "larger than the one before"),
        ({"ramp": "own", "steps": "\n".join(f"{number} % 1 h" for number in range(1, 12))}, "At most 10"),
    ],
)
def test_what_cannot_be_is_said_beside_it(browser: Client, changes: dict[str, Any], said: str) -> None:
    address = f"{LIST}add/"
    sent = filled(browser, address, name="Tone", hypothesis="Better.", **{"arms-1-name": "Warm"})
    answer = browser.post(address, {**sent, **changes})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Experiment.objects.exists()


def test_a_draft_is_changed_on_the_same_form(browser: Client, ada: User) -> None:
    experiment = ready(traffic=300, languages=["de"], owner=ada)
    address = f"{LIST}{experiment.pk}/edit/"
    sent = filled(browser, address)
    assert (sent["share"], sent["languages"], sent["arms-1-temperature"]) == (30, ["de"], 0.9)
    kept = Metric.objects.get(key="kept_rate")
    answer = browser.post(
        address, {**sent, "share": "12.5", "arms-1-temperature": "0.2", f"metrics-margin_{kept.pk}": "3"}
    )
    assert answer["Location"] == page(experiment)
    experiment = again(experiment)
    assert (experiment.traffic, experiment.arms.get(key="b").temperature) == (125, 0.2)
    assert experiment.metrics.get(metric=kept).margin == pytest.approx(0.03)
    assert kinds(experiment) == ["change"]


def test_the_plan_of_what_has_started_is_closed(browser: Client, ada: User) -> None:
    experiment = ready()
    sent = filled(browser, f"{LIST}{experiment.pk}/edit/", name="Other")
    life.start(experiment, by=ada)
    answer = browser.post(f"{LIST}{experiment.pk}/edit/", sent, follow=True)
    assert "its plan stays as it is" in answer.content.decode()
    assert again(experiment).name == "tone"


def test_its_whole_life_by_buttons(browser: Client) -> None:
    experiment = ready(traffic=500)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("start", {}, "running"),
        ("pause", {}, "paused"),
        ("resume", {}, "running"),
        ("traffic", {"share": "10"}, "running"),
        ("phase", {"weight_a": "1", "weight_b": "3", "only_new": "on", "reason": "B is safe"}, "running"),
        ("amend", {"name": "Warmth", "planned_days": "30"}, "running"),
        ("stop", {"reason": "Nothing differs"}, "stopped"),
        ("decide", {"reason": "Not worth it", "decision": "keep"}, "stopped"),
        ("archive", {}, "archived"),
    ]
    for name, sent, state in steps:
        assert f"/act/{name}/" in browser.get(page(experiment)).content.decode()
        assert browser.post(act(experiment, name), sent)["Location"] == page(experiment)
        assert again(experiment).state == state
    experiment = again(experiment)
    assert (experiment.name, experiment.planned_days, experiment.traffic) == ("Warmth", 30, 600)
    assert experiment.decision == "keep"
    text = browser.get(page(experiment)).content.decode()
    assert "Not worth it" in text
    assert text.count("new people only") == 2  # beside the phase, and in what happened
    assert "/act/" not in text


def test_a_button_that_came_too_late_says_why(browser: Client, ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    life.pause(experiment, by=ada)
    answer = browser.post(act(experiment, "pause"), follow=True)
    assert "This experiment is paused." in answer.content.decode()


def test_what_is_filled_in_wrongly_is_said_in_place(browser: Client, ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    answer = browser.post(act(experiment, "stop"), {"reason": ""})
    assert answer.status_code == 200
    assert re.search(r"<details class=\"act\" open>\s*<summary class=\"button\">Stop<", answer.content.decode())
    assert again(experiment).state == State.RUNNING


def test_a_copy_opens_for_changes(browser: Client, ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    answer = browser.post(f"{LIST}{experiment.pk}/copy/")
    copied = Experiment.objects.exclude(pk=experiment.pk).get()
    assert answer["Location"] == f"{LIST}{copied.pk}/edit/"
    assert browser.get(answer["Location"]).status_code == 200
    browser.post(f"{LIST}{copied.pk}/discard/")
    assert list(Experiment.objects.all()) == [experiment]


def test_the_page_shows_what_differs(browser: Client, prompt: PromptVersion) -> None:
    experiment = draft("tone", {"a": {"temperature": 0.5}, "b": {"temperature": 0.9, "prompt": prompt}})
    text = browser.get(page(experiment)).content.decode()
    assert f"/admin/experiments/promptversion/{prompt.pk}/change/" in text
    row = re.search(r"<tr><th scope=\"row\">Temperature</th>(.*?)</tr>", text)
    assert row is not None
    assert re.findall(r"<(?:del|ins)>(.*?)</", row[1]) == ["0.5", "0.9"]
    assert "Start</button>" in text
    assert "missing:" in text


def test_a_draft_says_who_would_see_it(browser: Client) -> None:
    """Of those who came lately and whom it is meant for."""
    today = timezone.now().date()
    for number, device in enumerate(("phone", "phone", "phone", "desktop")):
        User.objects.create_user(f"p{number}", seen_on=today, language="de", device=device, is_guest=number == 0)
    User.objects.create_user("eve", seen_on=today, language="es")
    text = browser.get(page(ready(languages=["de"]))).content.decode()
    assert "Deutsch 100 % · phone 75 % · desktop 25 % · members 75 % · guests 25 %" in text


def test_a_tester_forces_an_arm_for_themselves(browser: Client, ada: User) -> None:
    experiment = ready()
    arm = experiment.arms.get(key="b")
    browser.post(act(experiment, "try"), {"arm": arm.pk})
    forced = ForcedArm.objects.get()
    assert (forced.person, forced.arm) == (ada, arm)
    assert "you see this" in browser.get(page(experiment)).content.decode()
    browser.post(act(experiment, "leave"))
    assert not ForcedArm.objects.exists()


def test_an_arm_of_another_experiment_is_no_choice(browser: Client) -> None:
    experiment, other = ready(), ready("other")
    answer = browser.post(act(experiment, "try"), {"arm": other.arms.get(key="b").pk})
    assert answer.status_code == 200
    assert not ForcedArm.objects.exists()


def test_administrators_add_testers_of_the_staff_only(ada: User) -> None:
    browser, experiment = browser_for(member_of("administrator")), ready()
    User.objects.filter(pk=ada.pk).update(email="ada@example.org")
    User.objects.create_user("eve", email="eve@example.org")
    arm = experiment.arms.get(key="b")
    answer = browser.post(act(experiment, "tester"), {"arm": arm.pk, "email": "eve@example.org"})
    assert "Nobody of the staff has this address" in answer.content.decode()
    browser.post(act(experiment, "tester"), {"arm": arm.pk, "email": "Ada@example.org"})
    assert ForcedArm.objects.get().person == ada
    browser.post(act(experiment, "release"), {"person": str(ada.pk)})
    assert not ForcedArm.objects.exists()


def test_the_list_says_where_each_one_is(browser: Client, ada: User) -> None:
    experiment = running("tone", TWO, owner=ada)
    Experiment.objects.update(badge="roll_back")
    phase = experiment.phases.get()
    for number in range(3):
        Exposure.objects.create(
            phase=phase,
            arm=experiment.arms.get(key="a"),
            person=User.objects.create_user(f"p{number}"),
            at=timezone.now(),
            is_forced=number == 2,
        )
    text = browser.get(LIST).content.decode()
    assert all(words in text for words in ("running", "roll back", "1 / 14"))
    (shown,) = browser.get(LIST).context["cl"].result_list
    assert shown.num_exposed == 2


ADDRESSES = ["", "add/", "1/change/", "1/edit/"]


@pytest.mark.parametrize("role", ["moderator", "member"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_others_do_not_see_experiments(role: str, address: str) -> None:
    experiment = ready()
    browser = browser_for(member_of(role))
    assert browser.get(LIST + address.replace("1", str(experiment.pk))).status_code in (302, 403)


@pytest.mark.parametrize("name", ["start", "pause", "stop", "traffic", "phase", "amend", "try", "tester", "release"])
def test_moderators_do_nothing_with_them(name: str) -> None:
    """They may see people, and so hold the permission that testers ask for, but see no experiment."""
    experiment = ready()
    assert browser_for(member_of("moderator")).post(act(experiment, name), {"reason": "x"}).status_code == 403
    assert kinds(experiment) == []


def test_administrators_neither_plan_nor_start(ada: User) -> None:
    browser, experiment = browser_for(member_of("administrator")), ready()
    text = browser.get(page(experiment)).content.decode()
    assert "/act/start/" not in text
    assert "/edit/" not in text
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.get(f"{LIST}{experiment.pk}/edit/").status_code == 403
    assert browser.post(f"{LIST}{experiment.pk}/discard/").status_code == 403
    assert browser.post(act(experiment, "start")).status_code == 403


@pytest.mark.parametrize("address", ["copy/", "discard/", "act/start/", "act/try/"])
def test_looking_does_nothing(browser: Client, address: str) -> None:
    experiment = ready()
    assert browser.get(f"{LIST}{experiment.pk}/{address}").status_code == 302
    assert (Experiment.objects.count(), again(experiment).state) == (1, State.DRAFT)


def test_what_is_not_there_is_not_found(browser: Client) -> None:
    experiment = ready()
    assert browser.post(act(experiment, "explode")).status_code == 404
    assert browser.post(f"{LIST}999/act/start/").status_code == 404


def test_layers_show_who_has_what(browser: Client) -> None:
    experiment = running("tone", TWO, slots=range(250))
    text = browser.get("/admin/experiments/layer/").content.decode()
    assert '<path class="strip-0" d="M0 0h250v40h-250z">' in text
    assert f"{LIST}{experiment.pk}/change/" in text
    assert "25 %" in text
    assert browser.get("/admin/experiments/layer/add/").status_code == 403


def test_administrators_make_and_rename_layers() -> None:
    browser = browser_for(member_of("administrator"))
    browser.post("/admin/experiments/layer/add/", {"name": "Prompts"})
    layer = Layer.objects.get(name="Prompts")
    browser.post(f"/admin/experiments/layer/{layer.pk}/change/", {"name": "Words"})
    renamed = Layer.objects.get(pk=layer.pk)
    assert (renamed.name, renamed.salt) == ("Words", layer.salt)


def test_a_segment_is_filled_by_addresses(ada: User) -> None:
    browser = browser_for(member_of("administrator"))
    eve = User.objects.create_user("eve", email="Eve@Example.org")
    add = "/admin/experiments/segment/add/"
    answer = browser.post(add, {"name": "School", "emails": "eve@example.org\nnobody@example.org"})
    assert "Nobody has these addresses: nobody@example.org" in answer.content.decode()
    browser.post(add, {"name": "School", "emails": "eve@example.org\n\n"})
    segment = Segment.objects.get()
    assert list(segment.people.all()) == [eve]
    change = f"/admin/experiments/segment/{segment.pk}/change/"
    assert "Eve@Example.org" not in browser.get(change).content.decode()
    browser.post(change, {"name": "School", "emails": "", "empties": "on"})
    assert not segment.people.exists()
    assert AuditEntry.objects.filter(action="fill_segment").count() == 2
    assert browser_for(ada).get(add).status_code == 403


def test_the_way_to_a_page_names_nothing_twice(browser: Client) -> None:
    page = browser.get("/admin/experiments/experiment/").text
    titles = re.findall(r"leading-5 min-w-0 truncate tracking-tight\">\s*(\w[^<]*?)\s*<", page)
    assert titles == ["Prompts and experiments", "Experiments"]


def test_a_segment_that_an_experiment_is_for_is_not_deleted() -> None:
    """Without it the experiment would be for everybody."""
    browser = browser_for(member_of("administrator"))
    segment = Segment.objects.create(name="School")
    experiment = ready()
    experiment.segments.add(segment)
    delete = f"/admin/experiments/segment/{segment.pk}/delete/"
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    experiment.segments.clear()
    browser.post(delete, {"post": "yes"})
    assert not Segment.objects.exists()


def test_a_holdout_begins_and_ends_with_a_reason(ada: User) -> None:
    browser = browser_for(member_of("administrator"))
    add = "/admin/experiments/holdout/add/"
    page = browser.get(add)
    assert "A small share of the people" in page.content.decode()
    metrics = {field.html_name: field.value() for field in page.context["metrics"]}
    asked = {**metrics, "share": "5", "period_days": "14", "reason": "The year's sum"}
    for wrong in ({"reason": ""}, {"share": "21"}, {"period_days": "1"}):
        assert browser.post(add, {**asked, **wrong}).status_code == 200
    without_goals = {name: value for name, value in asked.items() if value != "goal"}
    assert "Choose a goal" in browser.post(add, without_goals).content.decode()
    browser.post(add, asked)
    holdout = Holdout.objects.get()
    assert (holdout.share, holdout.is_open) == (50, True)
    assert holdout.experiment is not None
    assert holdout.experiment.planned_days == 14
    assert dict(holdout.experiment.metrics.values_list("metric__key", "role")) == STANDARD
    assert "There is a holdout already" in browser.post(add, asked, follow=True).content.decode()
    address = f"/admin/experiments/holdout/{holdout.pk}/"
    assert browser_for(ada).get(f"{address}change/").status_code == 200
    assert browser_for(ada).post(f"{address}end/", {"reason": "No"}).status_code == 403
    browser.post(f"{address}end/", {"reason": "Seen enough"})
    assert not Holdout.objects.get().is_open
    entries = AuditEntry.objects.filter(subject_type="holdout").order_by("pk")
    assert list(entries.values_list("action", "reason")) == [
        ("begin_holdout", "The year's sum"),
        ("end_holdout", "Seen enough"),
    ]
