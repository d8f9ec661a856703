"""How long the sums of an experiment with ten million people take.

    DATABASE_URL=postgres://... python -m benchmarks.exposures [--people N] [--replies N] [--keep | --read]

In a fresh database on that PostgreSQL server, which has to be a superuser's: one experiment of 28 days with two arms,
people in 32 segments, their turns and thumbs. Timed are a full computation of two metrics, one day of all built-in
metrics, a nightly refresh, the reading of everything a results page needs, and the pages. `--keep` leaves the
database there, and takes one that was left; with `--read` its sums are read and not computed again.
"""

import argparse
import os
import tempfile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000_000)
    parser.add_argument("--replies", type=int, default=10_000_000)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--read", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CRIA_VAR": folder, "SECRET_KEY": "only-for-figures-" + "x" * 40}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
        import django

        django.setup()
        from django.db import connection

        from benchmarks.exposures.measure import read_results, run

        keeps = args.keep or args.read
        name = connection.creation.create_test_db(verbosity=0, keepdb=keeps, serialize=False)
        try:
            if args.read:
                read_results()
            else:
                run(args.people, args.replies)
        finally:
            connection.creation.destroy_test_db(name, verbosity=0, keepdb=keeps)


if __name__ == "__main__":
    main()
