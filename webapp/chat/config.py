"""The numbers a turn runs by."""

from dataclasses import dataclass

from assistant.guarded import Streaming


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSettings:
    """All durations in seconds.

    lease_s             how long a worker owns a turn without a sign of life; a successor takes over after that
    flush_interval_s    how often new text is written to the row and the log; also how soon a stop is seen
    enqueue_patience_s  how long a turn may stay queued before the reconciler enqueues it once more
    engine_retry_s      how soon a turn asks again for an engine or a guard that is away; up to five times that later on
    engine_patience_s   how long a turn waits for an engine or a guard that is away before it fails
    guard_late_s        a verdict that takes longer stops the text, and the person is told that it is being checked
    guard_timeout_s     a verdict that takes this long will not come: the guard counts as away
    deadline_s          after this a turn that is not finished fails
    has_canary          whether the system prompt holds a secret mark
    default_country     whose help lines are shown to somebody whose browser names no country; "" for none

    Of turns that wait for nothing but a worker there are at most `max_queued`; `max_waiting` is for those that wait for
    an engine or a guard that is away.

    A `messages_per_hour` or `pictures_per_day` of 0 is no limit. With `streaming` "buffered" text is shown when the
    guard has passed it; with "optimistic" at once, and withdrawn if the guard then blocks it.
    """

    max_message_chars: int = 8000
    messages_per_hour: int = 0
    guest_messages_per_hour: int = 0
    pictures_per_day: int = 30
    guest_pictures_per_day: int = 5
    max_running_per_person: int = 2
    max_queued: int = 50
    max_waiting: int = 200
    num_workers: int = 4
    max_reply_tokens: int = 512
    context_tokens: int = 2048
    temperature: float = 0.3
    top_p: float = 0.9
    num_passages: int = 2
    lease_s: float = 4.0
    flush_interval_s: float = 0.15
    enqueue_patience_s: float = 4.0
    engine_retry_s: float = 1.0
    engine_patience_s: float = 540.0
    guard_late_s: float = 2.0
    guard_timeout_s: float = 30.0
    streaming: Streaming = "buffered"
    default_country: str = ""
    has_canary: bool = True
    deadline_s: float = 600.0
    max_failures: int = 3
