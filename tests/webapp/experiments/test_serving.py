"""What an answer is made with: production, what the held out keep, and over it the arms; noted, and kept to."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site
from django.utils import timezone, translation

from assistant.prompt_text import SYSTEM_PROMPT, VARIABLES, content_hash
from assistant.window import Filled
from tests.webapp.experiments.making import begin_phase, draft, in_production, prompt, running, state
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.models import Reply
from webapp.chat.services import ownership, turns
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.preview import preview_prompt
from webapp.chat.services.running import _load, nearness_of, turn_config
from webapp.experiments.models import (
    Experiment,
    Exposure,
    Holdout,
    Phase,
    ProductionChange,
    PromptVersion,
    StarterSet,
)
from webapp.experiments.services import (
    exposures,
    forced_arms,
    holdouts,
    life,
    running_experiments,
    serving,
    variables,
)
from webapp.experiments.services.serving import Served
from webapp.library.services.search import USUAL, Nearness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _nothing_written() -> None:
    exposures._written.clear()


def asked(person: User, **fields: Any) -> Reply:
    accepted = turns.send(
        person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hello", **fields
    )
    return Reply.objects.select_related("conversation__owner").get(pk=accepted.reply_id)


def claimed(reply: Reply) -> ownership.Claim:
    claim = ownership.claim(reply.pk)
    assert claim is not None
    return claim


def noted(reply: Reply, served: Served) -> Reply:
    """As the first attempt leaves it."""
    Reply.objects.filter(pk=reply.pk).update(prompt_version=served.prompt_version, arm=served.arm)
    return Reply.objects.select_related("conversation__owner").get(pk=reply.pk)


def in_arm(experiment: Experiment, person: User, key: str) -> None:
    """Drawn, not forced: by an experiment whose other arms take nobody."""
    experiment.phases.get().allocations.exclude(arm__key=key).update(weight=0)
    running_experiments.forget()


def test_without_anything_it_is_what_comes_with_cria(person: User) -> None:
    served = serving.for_turn(asked(person))
    assert served == Served(system_prompt=SYSTEM_PROMPT, prompt_version=content_hash(SYSTEM_PROMPT))
    assert served.arm == ""


def test_production_is_for_everybody(person: User) -> None:
    """The prompt by its label, the rest by the newest row; a prompt in that row is not asked."""
    version = in_production("You are brief.")
    ProductionChange.objects.create(reason="Old", temperature=0.1, top_p=0.5)
    ProductionChange.objects.create(reason="New", temperature=0.7, endpoint="big", prompt=prompt("Not this one."))
    running_experiments.forget()
    served = serving.for_turn(asked(person))
    assert (served.system_prompt, served.prompt_version) == ("You are brief.", version.content_hash)
    assert (served.temperature, served.top_p, served.endpoint) == (0.7, None, "big")
    assert serving.for_page(None) == serving.in_production() == served


def test_an_arm_is_laid_over_production(person: User) -> None:
    """Where it says nothing, production stands; several arms stand side by side."""
    in_production("You are brief.")
    ProductionChange.objects.create(reason="New", temperature=0.7)
    version = prompt("You are kind.")
    for key, changes in (("tone", {"prompt": version, "top_p": 0.5}), ("length", {"max_reply_tokens": 64})):
        in_arm(running(key, {"control": {}, "new": changes}), person, "new")
    served = serving.for_turn(asked(person))
    assert (served.system_prompt, served.prompt_version) == ("You are kind.", version.content_hash)
    assert (served.temperature, served.top_p, served.max_reply_tokens) == (0.7, 0.5, 64)
    assert {pair.partition("#")[0] for pair in served.arm.split(", ")} == {"tone:new", "length:new"}


def test_a_control_is_in_the_experiment_with_nothing_changed(person: User) -> None:
    experiment = running("tone", {"control": {}, "new": {"temperature": 0.9}})
    in_arm(experiment, person, "control")
    served = serving.for_turn(asked(person))
    assert (served.arm, served.temperature) == (f"tone:control#{experiment.phases.get().pk}", None)


def test_a_temporary_chat_is_in_nothing(person: User) -> None:
    """It is not kept, so nothing could be measured of it."""
    in_production("You are brief.")
    in_arm(running("tone", {"control": {}, "new": {"temperature": 0.9}}), person, "new")
    served = serving.for_turn(asked(person, is_temporary=True))
    assert (served.system_prompt, served.arm, served.temperature) == ("You are brief.", "", None)


def test_another_attempt_goes_on_as_the_first_began(person: User) -> None:
    """Whatever has been stopped and shipped meanwhile: half an answer in one voice and half in another helps nobody."""
    version = prompt("You are kind.")
    experiment = running("tone", {"control": {}, "new": {"prompt": version, "top_p": 0.5}})
    in_arm(experiment, person, "new")
    reply = asked(person)
    first = serving.for_turn(reply)
    reply = noted(reply, first)
    state(experiment, Experiment.State.STOPPED)
    in_production("You are brief.")
    assert serving.for_turn(reply) == first
    assert serving.for_turn(asked(person)).system_prompt == "You are brief."


@pytest.mark.parametrize("began_meanwhile", ["before it was assigned", "after it was assigned"])
def test_another_attempt_is_counted_in_the_phase_of_the_first(person: User, began_meanwhile: str) -> None:
    """The one in which the arm was assigned, whenever the turn was sent and whatever has begun since."""
    experiment = running("tone", {"control": {}, "new": {"top_p": 0.5}})
    reply = asked(person)
    if began_meanwhile == "before it was assigned":
        life.new_phase(experiment, weights={"control": 1, "new": 1}, by=None, reason="Others")
    first = serving.for_turn(reply)
    reply = noted(reply, first)
    if began_meanwhile == "after it was assigned":
        phase = life.new_phase(experiment, weights={"control": 1, "new": 1}, by=None, reason="Others")
        Phase.objects.filter(pk=phase.pk).update(started_at=reply.created_at - timedelta(seconds=1))
    again = serving.for_turn(reply)
    assert again == first
    exposures.record(person, again.exposed, at=reply.created_at)
    (exposure,) = Exposure.objects.all()
    assert exposure.phase.number == (2 if began_meanwhile == "before it was assigned" else 1)


def test_a_tester_of_a_draft_is_in_no_phase_in_another_attempt(person: User) -> None:
    """Nor if it has started since."""
    experiment = draft("tone", {"control": {}, "new": {"top_p": 0.5}})
    forced_arms.force(experiment, experiment.arms.get(key="new"), person)
    reply = asked(person)
    reply = noted(reply, serving.for_turn(reply))
    experiment.started_at = reply.created_at - timedelta(seconds=1)
    experiment.save()
    state(experiment, Experiment.State.RUNNING)
    begin_phase(experiment, number=1)
    assert [one.phase_id for one in serving.for_turn(reply).assigned] == [None]


def test_a_tester_remains_one_in_another_attempt(person: User) -> None:
    experiment = running("tone", {"control": {}, "new": {"top_p": 0.5}})
    forced_arms.force(experiment, experiment.arms.get(key="new"), person)
    reply = asked(person)
    first = serving.for_turn(reply)
    assert first.assigned[0].is_forced
    assert serving.for_turn(noted(reply, first)) == first


def test_in_place_of_a_prompt_that_is_gone_there_is_crias(person: User) -> None:
    in_arm(running("tone", {"control": {}, "new": {"top_p": 0.5}}), person, "new")
    reply = noted(asked(person), Served(system_prompt="", prompt_version="0123456789ab"))
    assert serving.for_turn(reply).system_prompt == SYSTEM_PROMPT


def test_an_answer_that_goes_on_is_made_as_answers_are_now(person: User) -> None:
    in_production("You are brief.")
    reply = asked(person)
    noted(reply, serving.for_turn(reply))
    Reply.objects.filter(pk=reply.pk).update(state=Reply.State.CANCELLED, text="So far", token_ids=[1], blocks=["x"])
    in_production("You are kind.")
    for again in (turns.go_on, turns.retry):
        accepted = again(person=person, reply_id=reply.pk)
        later = Reply.objects.select_related("conversation__owner").get(pk=accepted.reply_id)
        assert serving.for_turn(later).system_prompt == "You are kind."
        Reply.objects.filter(pk=later.pk).update(state=Reply.State.CANCELLED)


def test_the_held_out_keep_what_was_in_production(person: User) -> None:
    """Also when the next thing is shipped; the others get it."""
    in_production("You are brief.")
    ProductionChange.objects.create(reason="Old", temperature=0.1)
    holdout = holdouts.begin(share=200, by=person)
    Holdout.objects.update(share=1000)  # more than is allowed, so that everybody is
    in_production("You are kind.")
    ProductionChange.objects.create(reason="New", temperature=0.9)
    experiment = running("tone", {"control": {}, "new": {"top_p": 0.5}})
    served = serving.for_turn(asked(person))
    assert (served.system_prompt, served.temperature, served.arm) == ("You are brief.", 0.1, "")
    forced_arms.force(experiment, experiment.arms.get(key="new"), person)
    served = serving.for_turn(asked(person))
    assert (served.system_prompt, served.temperature, served.arm) == (
        *("You are kind.", 0.9),
        f"tone:new#{experiment.phases.get().pk}",
    )
    forced_arms.release(experiment, person)
    holdouts.end(holdout)
    assert serving.for_turn(Reply.objects.first() or asked(person)).system_prompt == "You are kind."


def test_the_side_of_a_holdout_is_counted_again_by_another_attempt(person: User) -> None:
    """Which may be the first that uses the prompt. A temporary chat is on no side."""
    in_production("You are brief.")
    holdouts.begin(share=200, by=person)
    Holdout.objects.update(share=1000)
    in_production("You are kind.")
    reply = asked(person)
    first = serving.for_turn(reply)
    assert (first.system_prompt, first.arm, first.assigned) == ("You are brief.", "", ())
    assert [one.arm_key for one in first.exposed] == [Holdout.HELD]
    assert serving.for_turn(noted(reply, first)) == first
    assert serving.for_turn(asked(person, is_temporary=True)).exposed == ()


def test_arms_of_ideas_are_not_part_of_turns(person: User) -> None:
    """They were met before anything was sent, and were counted then."""
    starters = StarterSet.objects.create(name="own", ideas={"en": {"learn": [["Title", "Prompt"]]}})
    in_arm(running("ideas", {"control": {}, "own": {"starters": starters}}), person, "own")
    assert serving.for_turn(asked(person)).assigned == ()
    page = serving.for_page(person)
    assert [one.arm_key for one in page.assigned] == ["own"]
    assert page.starters is not None


def test_a_turn_is_run_with_it(person: User) -> None:
    served = Served(
        system_prompt="",
        prompt_version="",
        temperature=0.0,
        top_p=0.2,
        max_reply_tokens=100,
        num_passages=0,
        passage_tokens=64,
        min_similarity=0.7,
        similarity_to_best=0.0,
        passages_per_document=5,
    )
    config = turn_config(served, calls_tools=False)
    assert (config.temperature, config.top_p, config.max_reply_tokens, config.num_passages) == (0.0, 0.2, 100, 0)
    assert config.passage_tokens == 64
    assert nearness_of(served) == Nearness(min_similarity=0.7, min_share_of_best=0.0, max_per_document=5)
    nothing = Served(system_prompt="", prompt_version="")
    assert (turn_config(nothing, calls_tools=False).passage_tokens, nearness_of(nothing)) == (None, USUAL)
    usual = turn_config(nothing, calls_tools=False)
    assert (usual.temperature, usual.top_p) == (site.TURNS.temperature, site.TURNS.top_p)
    assert (usual.max_reply_tokens, usual.num_passages) == (site.TURNS.max_reply_tokens, site.TURNS.num_passages)


def test_a_long_answer_leaves_room_for_the_question() -> None:
    """The window of the model is as large as it is."""
    config = turn_config(Served(system_prompt="", prompt_version="", max_reply_tokens=8192), calls_tools=False)
    assert config.prompt_tokens == config.max_reply_tokens == site.TURNS.context_tokens // 2


def test_the_variables_of_a_prompt_are_filled_in() -> None:
    """In English, whatever is read, and in the site's time zone, in which the next day may have begun."""
    at = datetime(2026, 6, 4, 23, 30, tzinfo=UTC)
    with timezone.override("Europe/Berlin"), translation.override("ar"):
        known = variables.values(at=at, language="de", model="Llama 3")
    assert known.keys() == VARIABLES.keys()
    assert (known["language"], known["model"]) == ("German", "Llama 3")
    assert (known["date"], known["weekday"]) == ("5 June 2026", "Friday")


def test_the_prompt_that_people_are_shown_is_theirs(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    in_production("You speak {{language}} to them.")
    assert preview_prompt(person, "Hi")[0].text.startswith("You speak English to them.")


async def test_what_was_used_is_written_with_the_turn(person: User) -> None:
    """When the prompt is used, not before; and by the worker that owns the turn, or not at all."""
    experiment = await sync_to_async(running)("tone", {"control": {}, "new": {"top_p": 0.5}})
    reply = await sync_to_async(asked)(person)
    claim = await sync_to_async(claimed)(reply)
    loaded = await sync_to_async(_load)(claim)
    redis = turn_log.connect()
    try:
        journal = ReplyJournal(claim, redis, created_at=reply.created_at, on_used=loaded.note_exposures)
        await journal.phase("checking")
        assert not await Exposure.objects.aexists()
        await Reply.objects.filter(pk=reply.pk).aupdate(epoch=9)
        with pytest.raises(ownership.TurnLost):
            await journal.quoted([], Filled(room=1, instructions=0))
        assert not await Exposure.objects.aexists()
        await Reply.objects.filter(pk=reply.pk).aupdate(epoch=claim.epoch)
        await journal.quoted([], Filled(room=1, instructions=0))
        exposure = await Exposure.objects.select_related("phase").aget()
        assert (exposure.person_id, exposure.phase.experiment_id) == (person.pk, experiment.pk)
        assert exposure.at == reply.created_at  # so that this turn is in what is measured
    finally:
        await redis.aclose()


def test_a_version_never_changes_under_a_reply(person: User) -> None:
    """The note is the content hash, which finds the version again."""
    version = in_production("You are brief.")
    reply = asked(person)
    reply = noted(reply, serving.for_turn(reply))
    assert PromptVersion.objects.get(content_hash=reply.prompt_version) == version
