"""The one-off process of each start: database, static files, translations, sample library, administrator.

Quick where all is done. Standard output carries what the person has to read (the administrator's one-time password);
progress goes to standard error. One process for all of it, as loading Django costs more than most of these steps.
"""

import hashlib
import sys
import time
from collections.abc import Callable
from functools import partial

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from deploy.local.translations import compile_catalogues


def main() -> None:
    django.setup()
    run = partial(call_command, stdout=sys.stderr)
    _timed("database", partial(run, "migrate", interactive=False, verbosity=0))
    _timed("static files", collect_static_files)
    _timed("translations", compile_catalogues)
    _timed("sample library", partial(run, "load_sample_library"))
    call_command("ensure_admin", stdout=sys.stdout)


def collect_static_files() -> None:
    """Copy, fingerprint and compress what pages load, unless it is the same as last time."""
    found = static_fingerprint()
    stamp = settings.STATIC_ROOT / ".collected"
    if stamp.is_file() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(found)


def static_fingerprint() -> str:
    """Names the static files as they are now, by path, size and time of change."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            about = storage.size(path), storage.get_modified_time(path).timestamp()
            digest.update(f"{path} {about}\n".encode())
    return digest.hexdigest()


def _timed(name: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
