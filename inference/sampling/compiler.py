"""From specs to grammars. Specs come from clients, so nothing is compiled here that has not been tried elsewhere first.

    spec ──▶ small enough? ──▶ kept already? ──▶ rehearsal in a child process ──▶ compiled here, kept

There are specs of fifty characters that take minutes and gigabytes: llguidance bounds its work per step, but not every
way of making a step dear. The child has a time and memory limit; a spec that ends or outlasts it is refused. What comes
through compiles here in about a millisecond.
"""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable
from multiprocessing.connection import Connection

from inference.sampling.grammars import CompiledGrammar, GrammarError, GrammarVocabulary, token_bytes_of
from inference.sampling.params import ANY_JSON_OBJECT, GrammarKind, GrammarSpec
from inference.sampling.rehearsal import READY
from inference.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

MAX_CHARS: dict[GrammarKind, int] = {"json_schema": 1 << 16, "regex": 1 << 12, "lark": 1 << 14}
MAX_KEPT = 128
MAX_WAITING = 8
REHEARSAL_S = 5.0
START_S = 60.0
REHEARSAL_MODULE = "inference.sampling.rehearsal"
TOO_MUCH = "it is too complex to be followed token by token"

Child = subprocess.Popen[bytes]


class CompilerBusy(Exception):
    """No spec can be compiled now: too many are waiting, or the child cannot be started. Later may be better."""


class GrammarCompiler:
    """Compiles grammars for one vocabulary. Threads may share it; the child is started when it is first needed."""

    def __init__(self, tokenizer: Tokenizer, *, vocab_size: int, stop_ids: Iterable[int]) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._stop_ids = frozenset(stop_ids)
        self._kept: OrderedDict[GrammarSpec, CompiledGrammar | GrammarError] = OrderedDict()
        self._working = threading.Lock()
        self._counting = threading.Lock()
        self._num_waiting = 0
        self._vocabulary: GrammarVocabulary | None = None
        self._rehearsal: tuple[Child, Connection] | None = None

    def compile(self, spec: GrammarSpec) -> CompiledGrammar:
        """The grammar, from the kept ones if it was asked for before. May take seconds; not for an event loop.

        Raises GrammarError with the reason for a spec that is wrong or asks too much, and CompilerBusy.
        """
        _check_text(spec)
        return _raised(self._look_up(spec) or self._compile_in_turn(spec))

    def known(self, spec: GrammarSpec) -> CompiledGrammar | None:
        """The grammar if it was asked for before; takes no time. Raises GrammarError if it was refused then."""
        found = self._look_up(spec)
        return _raised(found) if found else None

    def close(self) -> None:
        """End the child process. A spec that is being tried out counts as refused."""
        if rehearsal := self._rehearsal:
            rehearsal[0].kill()  # whoever waits for its answer hears of this at once
        with self._working:
            self._end_rehearsal()

    def _look_up(self, spec: GrammarSpec) -> CompiledGrammar | GrammarError | None:
        with self._counting:
            if spec in self._kept:
                self._kept.move_to_end(spec)
            return self._kept.get(spec)

    def _compile_in_turn(self, spec: GrammarSpec) -> CompiledGrammar | GrammarError:
        with self._counting:
            if self._num_waiting >= MAX_WAITING:
                raise CompilerBusy
            self._num_waiting += 1
        try:
            with self._working:
                return self._look_up(spec) or self._keep(spec, self._compiled(spec))
        finally:
            with self._counting:
                self._num_waiting -= 1

    def _keep(self, spec: GrammarSpec, found: CompiledGrammar | GrammarError) -> CompiledGrammar | GrammarError:
        with self._counting:
            self._kept[spec] = found
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def _compiled(self, spec: GrammarSpec) -> CompiledGrammar | GrammarError:
        if spec != GrammarSpec(kind="json_schema", text=ANY_JSON_OBJECT) and (reason := self._rehearse(spec)):
            return GrammarError(reason)
        if self._vocabulary is None:
            tokens = token_bytes_of(self._tokenizer)
            self._vocabulary = GrammarVocabulary(tokens, vocab_size=self._vocab_size, stop_ids=self._stop_ids)
        try:
            return self._vocabulary.compile(spec)
        except GrammarError as error:
            return error

    def _rehearse(self, spec: GrammarSpec) -> str:
        """What is wrong with `spec`; empty if nothing is."""
        _, connection = self._rehearsal = self._rehearsal or self._start_rehearsal()
        try:
            connection.send(spec)
            if connection.poll(REHEARSAL_S):
                reason, is_tired = connection.recv()
                if is_tired:
                    self._end_rehearsal()
                return str(reason)
        except (EOFError, OSError):
            pass  # the child came to its end on this spec, which is the answer
        except UnicodeError:
            return "its text is not valid Unicode"
        self._end_rehearsal()
        logger.warning("grammar_rehearsal_ended", extra={"kind": spec.kind, "num_chars": len(spec.text)})
        return TOO_MUCH

    def _start_rehearsal(self) -> tuple[Child, Connection]:
        ours, theirs = multiprocessing.Pipe()
        # A fresh interpreter: a copy of a process that runs threads and holds a model is neither safe nor small.
        command = [sys.executable, "-m", REHEARSAL_MODULE, str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
        theirs.close()
        try:
            ours.send((token_bytes_of(self._tokenizer), self._vocab_size, self._stop_ids))
            if ours.poll(START_S) and ours.recv() == READY:
                return child, ours
        except (EOFError, OSError):
            pass
        _end(child, ours)
        logger.error("grammar_rehearsal_not_started")
        raise CompilerBusy

    def _end_rehearsal(self) -> None:
        if self._rehearsal:
            _end(*self._rehearsal)
            self._rehearsal = None


def _check_text(spec: GrammarSpec) -> None:
    if not 0 < len(spec.text) <= MAX_CHARS[spec.kind]:
        raise GrammarError(f"it must have 1 to {MAX_CHARS[spec.kind]} characters")
    if spec.kind == "lark" and "<[" in spec.text:
        raise GrammarError("token ids cannot be named in a grammar")
    if spec.or_else:
        _check_text(spec.or_else)


def _end(child: Child, connection: Connection) -> None:
    connection.close()
    child.kill()
    child.wait()


def _raised(found: CompiledGrammar | GrammarError) -> CompiledGrammar:
    if isinstance(found, GrammarError):
        raise GrammarError(str(found))
    return found
