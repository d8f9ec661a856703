"""The database: SQLite in WAL mode, or PostgreSQL by DATABASE_URL."""

import dj_database_url

from webapp.settings.environment import environment

DATABASES = {"default": dj_database_url.parse(environment.database, conn_max_age=60, conn_health_checks=True)}

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction that reads first cannot be upgraded while another writes: take the write lock at once.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        # What is deleted is overwritten in the file, too, however SQLite was built.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
    }
