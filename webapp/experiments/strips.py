"""The slots of a layer as a drawing: a strip, and on it a shape for each experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.experiments.models import Experiment, Layer
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services.layers import Strip

HEIGHT = 40
NUM_COLOURS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The slots of one experiment: `path` as SVG has it, in a box of SLOTS by HEIGHT; `share` in per cent."""

    experiment: Experiment
    path: str
    share: float
    colour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StripShown:
    """`free` in per cent."""

    layer: Layer
    free: float
    pieces: Sequence[Piece]
    width: int = SLOTS
    height: int = HEIGHT


def shown(strip: Strip) -> StripShown:
    pieces = [
        Piece(
            experiment=experiment,
            path="".join(_box(start, length) for start, length, owner in strip.runs if owner == experiment.pk),
            share=num / SLOTS * 100,
            colour=index % NUM_COLOURS,
        )
        for index, (experiment, num) in enumerate(strip.shares)
    ]
    return StripShown(layer=strip.layer, free=strip.num_free / SLOTS * 100, pieces=pieces)


def _box(start: int, length: int) -> str:
    return f"M{start} 0h{length}v{HEIGHT}h-{length}z"
