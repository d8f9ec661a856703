"""What runs right now, as frozen values: read once from the rows, then asked for every turn without a query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Self
from uuid import UUID

from assistant.experiments import bucketing
from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.experiments.models import PromptVersion
from webapp.experiments.models.serving import NUMBERS, Serving

Ideas = Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]
"""Language, job, and pairs of title and prompt, as `StarterSet.ideas` holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    text: str
    content_hash: str

    @classmethod
    def of(cls, version: PromptVersion | None) -> Self | None:
        return cls(text=version.text, content_hash=version.content_hash) if version else None


BUILT_IN = Prompt(text=SYSTEM_PROMPT, content_hash=content_hash(SYSTEM_PROMPT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a row of serving says. None: it says nothing of it, and what is below it stays."""

    prompt: Prompt | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_reply_tokens: int | None = None
    num_passages: int | None = None
    passage_tokens: int | None = None
    min_similarity: float | None = None
    similarity_to_best: float | None = None
    passages_per_document: int | None = None
    endpoint: str | None = None
    starters: Ideas | None = None

    @classmethod
    def of(cls, row: Serving) -> Self:
        """With `prompt` and `starters` of the row selected this asks nothing."""
        return cls(
            prompt=Prompt.of(row.prompt),
            endpoint=row.endpoint or None,
            starters=row.starters.ideas if row.starters else None,
            **{name: getattr(row, name) for name in NUMBERS},
        )

    @property
    def names(self) -> frozenset[str]:
        """The fields that are changed."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def over(self, below: "Changes") -> "Changes":
        """These, and where they say nothing what `below` says."""
        mine = {name: getattr(self, name) for name in self.names}
        return Changes(**{field.name: mine.get(field.name, getattr(below, field.name)) for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    id: int
    key: str
    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An experiment that is running, or a draft that testers see.

    key         of the experiment
    phase_id    the open phase; None for a draft
    salt        of that phase
    draw        the arms people are drawn into, with their weights; none for a draft
    only_new    whether its phase is for people who came after it began
    later       of a bandit: other weights, each from a moment on, the earliest first
    touches     what any of its arms changes
    forced      the arms of testers
    """

    id: int
    key: str
    phase_id: int | None
    phase_started_at: datetime | None
    salt: str
    arms: Mapping[str, Arm]
    draw: Sequence[bucketing.Arm]
    touches: frozenset[str]
    audience: str
    languages: frozenset[str]
    devices: frozenset[str]
    segments: frozenset[int]
    forced: Mapping[UUID, str]
    only_new: bool = False
    later: Sequence[tuple[datetime, Sequence[bucketing.Arm]]] = ()

    def draw_at(self, now: datetime) -> Sequence[bucketing.Arm]:
        """The weights by which who comes now is drawn."""
        return next((draw for begins, draw in reversed(self.later) if begins <= now), self.draw)

    def was_shifted(self, now: datetime) -> bool:
        """Whether who has come was drawn by other weights than who comes now."""
        return bool(self.later) and self.later[0][0] <= now

    @property
    def is_of_starters(self) -> bool:
        """Whether people meet the difference before they send anything, and then only."""
        return self.touches == {"starters"}

    @property
    def shows_starters(self) -> bool:
        """Whether people may meet a difference before they send anything. Who then sends something depends on the arm,
        so they are counted from there on."""
        return "starters" in self.touches


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLayer:
    """`slots` holds for each of the thousand the id of the experiment that has it, or 0."""

    salt: str
    slots: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The open period of a holdout's experiment, and its arms: the held out and all others."""

    key: str
    phase_id: int
    phase_started_at: datetime
    held_id: int
    others_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureHoldout:
    salt: str
    share: int
    changes: Changes
    sides: Sides | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`experiments` in the order in which they started, drafts last."""

    production: Changes = field(default_factory=Changes)
    holdout: PictureHoldout | None = None
    layers: Sequence[PictureLayer] = ()
    experiments: Mapping[int, Running] = field(default_factory=dict)
    testers: frozenset[UUID] = frozenset()
