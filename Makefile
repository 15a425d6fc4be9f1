# Every target sets up what it needs; `make demo` and `make test` each work as the first command on a bare machine.
PY := .venv/bin/python
READY := .venv/.ready
COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11

.PHONY: setup demo serve test lint fmt bench lock
setup: $(READY)

$(READY): requirements-dev.lock pyproject.toml scripts/setup.sh
	sh scripts/setup.sh
	touch $@

demo: setup
	$(PY) scripts/demo.py

serve: setup
	.venv/bin/hallmarket serve

test: setup lint
	sh scripts/browser.sh
	$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile --ignore tests/faults
	$(PY) -m pytest tests/faults

lint: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

fmt: setup
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup
	$(PY) -m bench

# Pins that stand are kept; delete a pin first to raise it. The second file holds the first one's versions and more.
lock: setup
	$(COMPILE) --extra server --extra stripe --extra redis -o requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock -o requirements-dev.lock pyproject.toml
