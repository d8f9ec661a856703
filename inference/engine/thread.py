"""One thread runs the engine; any thread may submit and cancel.

Nobody but the engine thread touches the engine. Others leave commands in a mailbox, which the thread empties between
steps, so that a cancelled sequence is never pulled away from under a forward pass. Admission is decided at once, from a
count of open requests, so that a full queue is refused at the door.
"""

import logging
import threading
from collections.abc import Callable

from inference.engine.engine import Engine
from inference.engine.request import End, Event, Failure, GenerationRequest
from inference.engine.stats import EngineStats
from inference.errors import NotServing, QueueFull

logger = logging.getLogger(__name__)

Listener = Callable[[Event], None]
RETRY_AFTER_S = 5


class EngineThread:
    """Runs `engine` until `close`. At most `max_open` requests are held at a time."""

    def __init__(self, engine: Engine, *, max_open: int) -> None:
        self._engine = engine
        self._max_open = max_open
        self._listeners: dict[str, Listener] = {}
        self._mailbox: list[Callable[[], None]] = []
        self._unseen: set[str] = set()  # submitted, and still in the mailbox
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest, listener: Listener) -> None:
        """Run a request; `listener` hears its events on the engine thread and must return at once.

        The last event is an End or a Failure, unless the request is cancelled. Raises InvalidRequest, QueueFull or
        NotServing, and then nothing is held.
        """
        self._engine.check(request)
        with self._changed:
            if self._is_closing:
                raise NotServing("The server is going down.", code="shutting_down")
            if len(self._listeners) >= self._max_open:
                raise QueueFull(num_waiting=len(self._listeners), retry_after_s=RETRY_AFTER_S)
            if request.request_id in self._listeners:
                raise ValueError(f"request id {request.request_id} is in use")
            self._listeners[request.request_id] = listener
            self._mailbox.append(lambda: self._engine.add_request(request))
            self._unseen.add(request.request_id)
            self._changed.notify()

    def cancel(self, request_id: str) -> None:
        """End a request without a further event. Unknown and finished ids are no error."""
        with self._changed:
            if self._listeners.pop(request_id, None):
                self._mailbox.append(lambda: self._engine.cancel(request_id))
                self._changed.notify()

    def stats(self) -> EngineStats:
        """Numbers of this moment; may be torn between two steps, which metrics do not mind."""
        return self._engine.stats()

    @property
    def num_open(self) -> int:
        """Requests submitted and neither ended nor cancelled."""
        return len(self._listeners)

    def close(self) -> None:
        """Stop after the current step. Open requests hear a Failure."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._mailbox or self._is_closing or self._engine.has_work):
                    self._changed.wait()
                commands, self._mailbox = self._mailbox, []
                self._unseen.clear()
                is_closing = self._is_closing
            self._tell(self._advance(commands, is_closing=is_closing))
            if is_closing:
                return

    def _advance(self, commands: list[Callable[[], None]], *, is_closing: bool) -> list[Event]:
        try:
            for command in commands:
                command()
            if is_closing:
                return self._fail_all("shutting_down", "The server is going down.")
            return self._engine.step()
        except Exception:
            # Whatever it was, the loop goes on: these requests are lost, the next ones are not.
            logger.exception("engine_step_failed")
            return self._fail_all("internal_error", "The engine failed on this step.")

    def _fail_all(self, code: str, message: str) -> list[Event]:
        """End every request the engine was to have, those included whose command or last event went down with it."""
        events = self._engine.fail_all(code, message)
        told = {event.request_id for event in events}
        with self._changed:
            lost = [request_id for request_id in self._listeners if request_id not in told | self._unseen]
        return [*events, *(Failure(request_id=request_id, code=code, message=message) for request_id in lost)]

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            is_last = isinstance(event, End | Failure)
            with self._changed:
                known = self._listeners
                listener = known.pop(event.request_id, None) if is_last else known.get(event.request_id)
            if listener:
                self._hear(listener, event)

    def _hear(self, listener: Listener, event: Event) -> None:
        try:
            listener(event)
        except Exception:
            # A listener that is gone (its event loop is closed) must not take the others along.
            logger.exception("listener_failed", extra={"request_id": event.request_id})
