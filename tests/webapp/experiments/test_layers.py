"""A thousand slots, none of them in two experiments, whoever asks at the same moment."""

import pytest
from django.db import IntegrityError
from scipy.stats import chi2_contingency

from tests.webapp.experiments.making import draft, running
from tests.webapp.experiments.planning import TWO, ready
from tests.webapp.moderation.making import at_once
from webapp.experiments import strips
from webapp.experiments.errors import CannotChange, NoRoom
from webapp.experiments.models import Experiment, Layer, LayerSlot, Metric
from webapp.experiments.services import layers, life

pytestmark = pytest.mark.django_db


@pytest.fixture
def layer(db: None) -> Layer:
    return Layer.objects.create(name="one")


def numbers(experiment: Experiment) -> set[int]:
    return set(experiment.slots.values_list("number", flat=True))


def test_experiments_of_a_layer_share_no_slot(layer: Layer) -> None:
    one, other = draft("one", TWO, layer=layer), draft("other", TWO, layer=layer)
    layers.take(one, 300)
    layers.take(other, 700)
    assert numbers(one).isdisjoint(numbers(other))
    assert len(numbers(one) | numbers(other)) == 1000


def test_all_that_is_asked_for_or_nothing(layer: Layer) -> None:
    one, other = draft("one", TWO, layer=layer), draft("other", TWO, layer=layer)
    layers.take(one, 900)
    with pytest.raises(NoRoom, match="The layer has 100 free slots") as refused:
        layers.take(other, 101)
    assert refused.value.num_free == layers.num_free(layer) == 100
    assert numbers(other) == set()
    layers.release(one)
    layers.take(other, 1000)


def test_another_layer_is_free(layer: Layer) -> None:
    layers.take(draft("one", TWO, layer=layer), 1000)
    elsewhere = draft("other", TWO)
    layers.take(elsewhere, 1000)
    assert layers.num_free_by_layer()[layer.pk] == 0
    assert layers.num_free(Layer.objects.get(name="Main")) == 1000


def test_which_slots_says_nothing_of_another_experiment(layer: Layer) -> None:
    """Half of the slots each in layers of their own: as many in both as by chance."""
    one, other = draft("one", TWO, layer=layer), draft("other", TWO)
    layers.take(one, 500)
    layers.take(other, 500)
    both = len(numbers(one) & numbers(other))
    assert chi2_contingency([[both, 500 - both], [500 - both, both]]).pvalue > 1e-3
    assert max(numbers(one)) > 900  # not the first five hundred


def test_the_same_key_takes_the_same_slots(layer: Layer) -> None:
    experiment = draft("one", TWO, layer=layer)
    layers.take(experiment, 5)
    before = numbers(experiment)
    layers.release(experiment)
    layers.take(experiment, 5)
    assert numbers(experiment) == before


def test_the_constraint_has_the_last_word(layer: Layer) -> None:
    one, other = draft("one", TWO, layer=layer), draft("other", TWO, layer=layer)
    LayerSlot.objects.create(layer=layer, number=7, experiment=one)
    with pytest.raises(IntegrityError):
        LayerSlot.objects.create(layer=layer, number=7, experiment=other)


@pytest.mark.django_db(transaction=True)
def test_two_that_start_at_once_do_not_share() -> None:
    """Each wants 600 of a thousand slots: one gets all of its own, the other none and a reason."""
    for key in ("kept_rate", "reports"):  # another test of this kind may have emptied the tables
        Metric.objects.get_or_create(key=key, defaults={"name": key, "kind": "binary", "fact": "turns"})
    layer = Layer.objects.create(name="contested")
    experiments = [ready(key, layer=layer, traffic=600) for key in ("one", "other")]

    def start(experiment: Experiment) -> str:
        try:
            life.start(experiment, by=None)
        except CannotChange:
            return "refused"
        return "started"

    outcomes = at_once(start, experiments)
    assert sorted(outcomes) == ["refused", "started"]
    assert sorted(len(numbers(experiment)) for experiment in experiments) == [0, 600]


def test_a_strip_shows_who_has_what(layer: Layer) -> None:
    """The drawing and the table say the same."""
    one = running("one", TWO, slots=[0, 1, 2, 10], layer=layer)
    two = running("two", TWO, slots=range(500, 1000), layer=layer)
    (strip,) = (each for each in layers.strips() if each.layer == layer)
    assert strip.num_free == 496
    assert strip.shares == [(two, 500), (one, 4)]
    shown = strips.shown(strip)
    assert [(piece.experiment, piece.share, piece.path) for piece in shown.pieces] == [
        (two, 50.0, "M500 0h500v40h-500z"),
        (one, 0.4, "M0 0h3v40h-3zM10 0h1v40h-1z"),
    ]


def test_overlapping_is_what_has_slots_elsewhere(layer: Layer) -> None:
    mine = draft("mine", TWO, layer=layer)
    running("beside", TWO, slots=range(5), layer=layer)
    elsewhere = running("elsewhere", TWO)
    draft("idle", TWO)
    assert [(each.other, each.share) for each in layers.overlapping(mine)] == [(elsewhere, 1.0)]
