# Every target sets up what it needs, so `make demo` or `make test` can be the first command on a bare machine.
PY := .venv/bin/python
READY := .venv/.ready
COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup demo serve check test test-long lint fmt bench lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s  %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## install the locked packages and Hallmarket itself into .venv

$(READY): requirements-dev.lock pyproject.toml scripts/setup.sh
	sh scripts/setup.sh
	touch $@

demo: setup ## run a registry through anchoring, publishing, selling and verifying
	$(PY) scripts/demo.py

serve: setup ## run a registry at http://127.0.0.1:8000
	.venv/bin/hallmarket serve

# Schemathesis has no unit tests, and collecting it takes as long as all other files.
check: lint ## lint, and run the unit tests, which start no server (about a minute)
	$(PY) -m pytest --unit -n 2 --ignore tests/http/test_schemathesis.py

test: setup lint ## lint, and run every test (about ten minutes)
	sh scripts/browser.sh
	$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile --ignore tests/faults
	$(PY) -m pytest tests/faults

test-long: setup lint ## as test, with full counts: more faults, fresh random examples, larger tables
	sh scripts/browser.sh
	$(PY) -m pytest --long -n logical --maxprocesses 4 --dist loadfile --ignore tests/faults
	$(PY) -m pytest --long tests/faults

lint: setup ## check formatting, lint, types and import rules
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

fmt: setup ## format the code and fix what the linter can fix
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup ## run every benchmark (about twenty minutes)
	$(PY) -m bench

# The versions in the lock files stay as they are. To upgrade a package, delete its entry from both files first.
lock: setup ## update both lock files after a change of dependencies in pyproject.toml
	$(COMPILE) --extra server --extra stripe --extra redis -o requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock -o requirements-dev.lock pyproject.toml
