"""Settings of the test run: the real ones, with a key of their own and nothing of the developer's environment."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("CRIA_VAR", str(Path(tempfile.gettempdir()) / f"cria-test-{os.getuid()}"))

from webapp.settings import *  # noqa: F403
from webapp.settings.environment import environment

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, not memory: threads and processes of a test then meet on a real SQLite with its write-ahead log.
    DATABASES["default"]["TEST"] = {"NAME": environment.var_dir / f"test-{os.getpid()}.sqlite3"}  # noqa: F405
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  # WhiteNoise warns where there is none
INSTALLED_APPS.append("webapp.accounts.single_sign_on")  # noqa: F405  # so that its pages are in the URL table
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
