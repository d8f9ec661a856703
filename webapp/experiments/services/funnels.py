"""How far each person comes along the steps of a funnel, by SQL.

The steps are taken in order, as early as they can be, within the window. One turn may be several of them, as a message
has an answer that is copied. But a fact that was a step before takes a later turn, so that message, copy, message means
that somebody went on after the copy.
"""

from dataclasses import dataclass

from webapp.experiments.facts import FACTS
from webapp.experiments.models import Metric


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a metric, as a column: the number of the furthest one a person takes."""

    key: int
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"steps_{self.key}"


def steps_of(metric: Metric) -> Steps:
    """The key of a metric that is tried before it is kept is 0."""
    return Steps(metric.pk or 0, (metric.fact, *metric.later_steps))


def step_names(metric: Metric) -> list[str]:
    return [FACTS[fact].description for fact in steps_of(metric).facts]


def furthest(steps: Steps, *, people: str, turns: str, begins: str, ends: str) -> str:
    """A select of the id of each of the `people` and `steps.name`. `begins` and `ends` are the times of the window.

    Level by level, the moment of each step is the first one of the person at which its fact is true, after the step
    before or with it.

        id   created_at   fact_1   fact_2   fact_3   ->   + at_1   ->   + at_2   ->   + at_3
    """
    facts = [f"CASE WHEN turn.id IS NOT NULL AND {FACTS[fact].sql} > 0 THEN 1 END" for fact in steps.facts]
    named = ", ".join(f"{fact} AS fact_{number}" for number, fact in enumerate(facts, start=1))
    level = f"""
        SELECT p.id, turn.created_at, {named}
        FROM ({people}) p LEFT JOIN ({turns}) turn
            ON turn.person_id = p.person_id AND turn.created_at >= {begins} AND turn.created_at < {ends}
    """  # noqa: S608  # made of constants
    for number in range(1, len(facts) + 1):
        condition = f"fact_{number} = 1"
        if number > 1:
            is_repeated = steps.facts[number - 1] in steps.facts[: number - 1]
            condition += f" AND created_at {'>' if is_repeated else '>='} at_{number - 1}"
        level = f"""
            SELECT *, MIN(CASE WHEN {condition} THEN created_at END) OVER (PARTITION BY id) AS at_{number}
            FROM ({level}) level_{number}
        """  # noqa: S608
    taken = " + ".join(f"CASE WHEN at_{number} IS NOT NULL THEN 1 ELSE 0 END" for number in range(1, len(facts) + 1))
    return f"SELECT id, CAST(MAX({taken}) AS double precision) AS {steps.name} FROM ({level}) steps GROUP BY id"  # noqa: S608


def expressions(steps: Steps) -> list[str]:
    """Over the table of people: how many came as far as each step."""
    return [f"SUM(CASE WHEN {steps.name} >= {step} THEN 1 ELSE 0 END)" for step in range(1, len(steps.facts) + 1)]
