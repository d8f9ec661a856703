# Everything is set up by the commands themselves: `make run` and `make test` work in a fresh clone.
# PYTHON=/path/to/python3.12 names another Python; PORT=8010 another port (.env.example lists all settings).

BOOTSTRAP = python="$$(deploy/local/find_python.sh)" && exec "$$python" -m deploy.local.bootstrap

.PHONY: help run test test-postgres lint messages bench-turn bench-engine bench-guard bench-stats bench-gpu clean

help:
	@echo "make run         set up what is missing and start Cria"
	@echo "make test        set up what is missing and run every check and test"
	@echo "make test-postgres  the tests that use a database, on PostgreSQL (not part of make test, which needs no server)"
	@echo "make lint        only the checks that need no running process"
	@echo "make messages    bring the translations in webapp/locale in step with the texts of the code"
	@echo "make bench-turn  time from Send to the first visible word, stage by stage"
	@echo "make bench-engine  our engine beside llama.cpp, vLLM and transformers, in one run (builds them once)"
	@echo "make bench-guard  what the embedded guard catches, misses and costs: the figures of its model card"
	@echo "make bench-stats  false finds, coverage and power of the statistics of experiments, by simulation"
	@echo "make bench-gpu   what share of a CUDA device we use (also: python -m benchmarks.gpu, with nothing installed)"
	@echo "make clean       remove the virtual environment and caches; conversations and settings stay"

run:
	@$(BOOTSTRAP) run

test:
	@$(BOOTSTRAP) test

test-postgres:
	@$(BOOTSTRAP) test-postgres

lint:
	@$(BOOTSTRAP) lint

messages:
	@$(BOOTSTRAP) messages

bench-turn:
	@$(BOOTSTRAP) bench-turn

bench-engine:
	@$(BOOTSTRAP) bench-engine

bench-guard:
	@$(BOOTSTRAP) bench-guard

bench-stats:
	@$(BOOTSTRAP) bench-stats

# Not through the set-up: a GPU machine brings its own torch, and often cannot install anything.
bench-gpu:
	@"$${PYTHON:-python3}" -m benchmarks.gpu

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis var/setup var/browsers var/tests
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
