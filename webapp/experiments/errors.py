"""What may go wrong when an experiment is changed.

CannotChange   its state does not allow it, or something is missing
└── NoRoom     the layer has too few free slots

The text of each is a sentence for whoever asked.
"""


class CannotChange(ValueError):
    """What was asked for does not go together with the experiment as it is."""


class NoRoom(CannotChange):
    """The layer has too few free slots; `num_free` of them."""

    def __init__(self, message: str, *, num_free: int) -> None:
        super().__init__(message)
        self.num_free = num_free
