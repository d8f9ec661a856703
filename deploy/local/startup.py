"""Bringing the parts up: each one as soon as those it needs are ready, and a line for each that is."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from deploy.local import tied
from deploy.local.console import Console, LineStream
from deploy.local.parts import Part
from deploy.local.supervisor import Process, Supervisor

TIED = (sys.executable, "-I", "-S", str(Path(tied.__file__)))
ASK_EVERY_S = 0.2
SAY_EVERY_S = 15.0


class PartFailed(Exception):
    """A part ended, or was not ready in time, while Cria was starting. The text is for the person at the terminal."""


class Startup:
    """Knows which parts are ready and which have ended. `notices` is what the set-up has to tell the person."""

    def __init__(self, parts: Sequence[Part], environment: Mapping[str, str], console: Console) -> None:
        self._parts = parts
        self._environment = environment
        self._console = console
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._exits: dict[str, int] = {}
        self._all_ready = False
        self.notices: list[str] = []

    def processes(self) -> list[Process]:
        """What the supervisor is to run."""
        return [self._process(part) for part in self._parts]

    async def run(self, supervisor: Supervisor) -> None:
        """Start everything and return when all of it is ready. Raises a group of PartFailed."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._bring_up(part, supervisor))
        self._all_ready = True

    def on_exit(self, name: str, exit_code: int) -> None:
        """A process has ended: a reason to give up before everything is ready, afterwards a line and a new process."""
        self._exits[name] = exit_code
        if self._all_ready:
            self._console.say(f"{name} ended ({_how(exit_code)}) and is started again.")

    def _process(self, part: Part) -> Process:
        log = partial(self._console.log, part.name)
        return Process(
            name=part.name,
            command=(*TIED, *part.command),
            environment={**self._environment, **part.environment},
            stdout=LineStream(self.notices.append if part.once else log),
            stderr=LineStream(log),
            once=part.once,
        )

    async def _bring_up(self, part: Part, supervisor: Supervisor) -> None:
        for name in part.after:
            await self._ready[name].wait()
        began = time.monotonic()
        await supervisor.start(part.name)
        await self._until_ready(part, began)
        self._console.part_ready(part.name, part.does, time.monotonic() - began)
        self._ready[part.name].set()

    async def _until_ready(self, part: Part, began: float) -> None:
        said = began
        while True:
            if part.name in self._exits:
                if part.once and self._exits[part.name] == 0:
                    return
                how = _how(self._exits[part.name])
                raise PartFailed(f"{part.name} ended while it was starting ({how}): its last lines above say why.")
            if await part.is_ready():
                return
            now = time.monotonic()
            if part.patience_s is not None and now - began > part.patience_s:
                raise PartFailed(f"{part.name} was not ready after {part.patience_s:.0f} s: its lines above say why.")
            if now - said > SAY_EVERY_S:
                said = now
                self._console.say(f"  · {part.name:<22} still starting{now - began:42.0f} s")
            await asyncio.sleep(ASK_EVERY_S)


def _how(exit_code: int) -> str:
    """In words: Circus reports a signal as a negative number."""
    if exit_code == -signal.SIGKILL:
        return "killed by SIGKILL, which is also what a machine without free memory does"
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
