"""`python -m inference COMMAND ...`: everything the engine does from a terminal. `COMMAND --help` says more."""

import importlib
import sys
from collections.abc import Callable, Sequence

COMMANDS = {
    "chat": ("inference.cli.chat", "talk to a model in the terminal"),
    "serve": ("inference.server.__main__", "serve models behind an OpenAI-compatible address"),
    "bench": ("inference.cli.bench", "measure how fast a model runs here"),
    "quantize": ("inference.quantize.__main__", "write a smaller copy of a checkpoint and measure what it costs"),
    "inspect": ("inference.inspection.__main__", "what is in a checkpoint, will it fit, what speed is possible"),
}
PROG = "python -m inference"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; 2 if there is no such command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else ""
    if name in ("", "-h", "--help"):
        print(_usage())
        return 0 if name else 2
    if name not in COMMANDS:
        print(f"{PROG}: there is no command {name!r}\n\n{_usage()}", file=sys.stderr)
        return 2
    # Each command brings its own dependencies; the list of commands needs none of them.
    command: Callable[..., int] = importlib.import_module(COMMANDS[name][0]).main
    return command(_served(given[1:])) if name == "serve" else command(given[1:], prog=f"{PROG} {name}")


def _served(arguments: Sequence[str]) -> list[str]:
    """`serve MODEL ...` is `python -m inference.server --model MODEL ...`."""
    is_model = bool(arguments) and not arguments[0].startswith("-")
    return ["--model", *arguments] if is_model else list(arguments)


def _usage() -> str:
    lines = "\n".join(f"  {name:10}{what}" for name, (_, what) in COMMANDS.items())
    return f"usage: {PROG} COMMAND [MODEL] [options]\n\n{lines}\n\n{PROG} COMMAND --help says more."


if __name__ == "__main__":
    sys.exit(main())
