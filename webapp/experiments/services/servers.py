"""Model servers that arms ask for. Without one that has left the settings its arm gets the usual model, and measures
nothing."""

from collections.abc import Iterable, Sequence

from webapp import wiring
from webapp.experiments.models import Arm, Experiment


def missing(arms: Iterable[Arm]) -> Sequence[str]:
    """The names that these arms ask for and that the settings do not have."""
    return sorted({arm.endpoint for arm in arms if arm.endpoint} - set(wiring.endpoint_names()))


def running_without() -> Sequence[tuple[Experiment, Sequence[str]]]:
    """What runs with such an arm now, and the servers that it misses."""
    in_use = {"allocations__phase__ended_at": None, "allocations__weight__gt": 0}
    running = {"experiment__state": Experiment.State.RUNNING, "experiment__layer__isnull": False}
    known = wiring.endpoint_names()
    arms = Arm.objects.filter(**running, **in_use).exclude(endpoint="").exclude(endpoint__in=known)
    found: dict[int, tuple[Experiment, list[str]]] = {}
    for arm in arms.select_related("experiment__owner").order_by("experiment_id", "endpoint").distinct():
        found.setdefault(arm.experiment_id, (arm.experiment, []))[1].append(arm.endpoint)
    return list(found.values())
