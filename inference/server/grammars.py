"""Compiling what requests want their replies to look like, away from the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from inference.errors import InvalidRequest, QueueFull
from inference.sampling.compiler import MAX_WAITING, CompilerBusy, GrammarCompiler
from inference.sampling.grammars import CompiledGrammar, GrammarError
from inference.server.sampling_fields import ReplyForm

RETRY_AFTER_S = 5


class Grammars:
    """The compiler of one model, with threads of its own: a slow grammar must not hold up whoever is tokenising."""

    def __init__(self, compiler: GrammarCompiler) -> None:
        self._compiler = compiler
        # More than may wait for the compiler, so that whoever comes too much is told so at once.
        self._threads = ThreadPoolExecutor(2 * MAX_WAITING, thread_name_prefix="grammar")

    async def compile(self, form: ReplyForm | None) -> CompiledGrammar | None:
        """Raises InvalidRequest for a form that is wrong or asks too much, and QueueFull."""
        if form is None:
            return None
        loop = asyncio.get_running_loop()
        try:
            if known := self._compiler.known(form.spec):
                return known
            return await loop.run_in_executor(self._threads, self._compiler.compile, form.spec)
        except GrammarError as error:
            message = f"'{form.param}' cannot be followed: {error}"
            raise InvalidRequest(message, code="invalid_grammar", param=form.param) from error
        except CompilerBusy as error:
            raise QueueFull(num_waiting=MAX_WAITING, retry_after_s=RETRY_AFTER_S) from error

    def close(self) -> None:
        """End the compiler's child process."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._compiler.close()
