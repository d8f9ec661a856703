"""The child process in which a grammar is compiled and followed for a while before the server lets it in."""

import contextlib
import random
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection

import numpy as np

from inference.sampling.grammars import GrammarError, GrammarVocabulary
from inference.sampling.params import GrammarSpec

MEMORY_BYTES = 2 << 30
TIRED_BYTES = 700 << 20
"""Memory that a hard spec took is not always given back. A child that has grown so large makes room for a new one."""

NUM_WALKS, NUM_STEPS = 3, 24
MAX_COMPILE_S, MAX_STEP_S = 0.5, 0.15
READY = "ready"


def serve_rehearsals(connection: Connection) -> None:
    """Take a vocabulary, then answer every spec that comes until the other side is gone.

    An answer is what is wrong with the spec, empty for nothing, and whether this process should be replaced.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key press in a terminal goes to the parent too, which ends us
    _limit_memory()
    with contextlib.suppress(EOFError, OSError):
        token_bytes, vocab_size, stop_ids = connection.recv()
        vocabulary = GrammarVocabulary(token_bytes, vocab_size=vocab_size, stop_ids=stop_ids)
        connection.send(READY)
        while True:
            reason = rehearse(connection.recv(), vocabulary)
            connection.send((reason, _peak_bytes() > TIRED_BYTES))


def rehearse(spec: GrammarSpec, vocabulary: GrammarVocabulary) -> str:
    """Compile and walk along random allowed tokens. What was wrong; empty if nothing was."""
    try:
        started = time.thread_time()
        grammar = vocabulary.compile(spec)
        if time.thread_time() - started > MAX_COMPILE_S:
            return "compiling it takes too long"
        for seed in range(NUM_WALKS):
            rng, state = random.Random(seed), grammar.start()  # noqa: S311 - no secret, and the same every time
            for _ in range(NUM_STEPS):
                started = time.thread_time()
                allowed = np.flatnonzero(state.allowed())
                if time.thread_time() - started > MAX_STEP_S:
                    return "following it takes too long"
                if not len(allowed):
                    return "nothing fits it"
                if not state.accept(int(rng.choice(allowed))):
                    break  # it was a token that ends the reply
    except GrammarError as error:
        return str(error) or "it is not valid"
    return ""


def _limit_memory() -> None:
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    serve_rehearsals(Connection(int(sys.argv[1])))
