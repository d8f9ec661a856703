"""Ties a process to its parent: when the parent dies, however that happens, the kernel ends this one too (Linux only).

As a script it runs a command that is tied so: `python -I -S tied.py COMMAND ...`. The launcher starts its processes
through it, because a launcher that was killed cannot stop them any more. SIGKILL is safe here: every part keeps what
matters in the database or in an append-only file. Elsewhere the next start ends what was left (instance.py).
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2); kept across exec


def tie_to_parent(number: signal.Signals) -> None:
    """Have the kernel send `number` to this process when its parent ends. Does nothing where there is no such call."""
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    tie_to_parent(signal.SIGKILL)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 the launcher's own command
