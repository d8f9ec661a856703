"""`make run` after the set-up: secrets and settings, then the five processes until Ctrl-C (serving.py)."""

import os
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from deploy.local.keys import ensure_keys
from deploy.local.steps import SetupProblem
from deploy.local.tied import tie_to_parent

PROJECT = Path(__file__).resolve().parents[2]


def main() -> int:
    """The exit status: 0 after Ctrl-C, 1 after a sentence about what has to be put right."""
    if "MAKELEVEL" in os.environ:
        tie_to_parent(signal.SIGTERM)  # a `make` that is killed takes Cria along, in good order
    if ensure_keys(PROJECT / "var" / "secrets.env"):
        print("Secrets made for this installation: var/secrets.env", flush=True)
    try:
        # The settings are read when they are imported, and may be wrong.
        from deploy.local.serving import serve

        return serve()
    except ValidationError as error:
        print(f"\n{wrong_settings(error)}", file=sys.stderr)
    except SetupProblem as problem:
        print(f"\n{problem}", file=sys.stderr)
    return 1


def wrong_settings(error: ValidationError) -> str:
    """One sentence: which settings are wrong and why. Their values are not repeated, as some are secrets."""
    reasons = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
    return f"A setting is wrong ({reasons}): correct it in the environment or in .env (.env.example lists them all)."


if __name__ == "__main__":
    sys.exit(main())
