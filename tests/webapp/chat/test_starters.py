"""Ideas to begin with: one for each job, the same all day, others on a press or the next day."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import translation

from webapp.chat.starters import IDEAS, draw

TODAY = date(2026, 11, 26)


def titles(person_id: int, day: date, number: int = 0) -> list[str]:
    return [str(starter.title) for starter in draw(person_id=person_id, day=day, number=number).starters]


def test_there_is_one_idea_for_each_job() -> None:
    starters = draw(person_id=1, day=TODAY).starters
    assert [starter.icon for starter in starters] == ["learn", "get-things-done", "create", "connect"]
    assert all(len(ideas) >= 6 for ideas in IDEAS.values())


def test_they_stay_for_a_day() -> None:
    """Who comes back in the afternoon finds what they saw in the morning."""
    assert titles(1, TODAY) == titles(1, TODAY)
    days = {tuple(titles(1, TODAY + timedelta(days=number))) for number in range(7)}
    assert len(days) > 3
    assert len({tuple(titles(person, TODAY)) for person in range(7)}) > 3


def test_others_come_until_all_have_come() -> None:
    num_ideas = len(IDEAS["learn"])
    learn = [titles(1, TODAY, number)[0] for number in range(num_ideas + 1)]
    assert len(set(learn)) == num_ideas
    assert learn[0] == learn[-1]
    assert draw(person_id=1, day=TODAY, number=3).next_draw == 4


def test_no_idea_stands_twice() -> None:
    with translation.override("en"):
        prompts = [str(prompt) for ideas in IDEAS.values() for _, prompt in ideas]
    assert len(prompts) == len(set(prompts))


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["1", "", "-1", "many", "9" * 40])
def test_other_ideas_are_a_fragment_for_whatever_is_asked(client: Client, redis: object, asked: str) -> None:
    answer = client.get(f"/starters/?draw={asked}").content.decode()
    assert answer.count("data-prompt=") == 4
    assert "<html" not in answer
