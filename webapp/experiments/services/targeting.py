"""Who an experiment is meant for."""

from functools import cached_property

from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.experiments.models import Experiment, Segment
from webapp.experiments.services.picture import Running


class Traits:
    """What an experiment may ask of somebody, looked up when the first one asks."""

    def __init__(self, person: User) -> None:
        self.person = person

    @cached_property
    def language(self) -> str:
        return language_of(self.person)

    @cached_property
    def segments(self) -> frozenset[int]:
        return frozenset(Segment.objects.filter(people=self.person).values_list("pk", flat=True))


def is_new_to(experiment: Running, person: User) -> bool:
    """Whether the person came after the phase had begun."""
    since = experiment.phase_started_at
    return since is not None and person.date_joined >= since


def is_meant_for(experiment: Running, traits: Traits) -> bool:
    """A condition that is empty is met by everybody. Segments come last: they are the one thing that is asked for."""
    return (
        _is_audience(experiment, traits.person)
        and (not experiment.only_new or is_new_to(experiment, traits.person))
        and (not experiment.devices or traits.person.device in experiment.devices)
        and (not experiment.languages or traits.language in experiment.languages)
        and (not experiment.segments or not experiment.segments.isdisjoint(traits.segments))
    )


def _is_audience(experiment: Running, person: User) -> bool:
    match experiment.audience:
        case Experiment.Audience.GUESTS:
            return person.is_guest
        case Experiment.Audience.MEMBERS:
            return not person.is_guest
        case Experiment.Audience.NEW:
            return is_new_to(experiment, person)
    return True
