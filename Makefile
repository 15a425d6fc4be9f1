# Every target sets up what it needs; `make demo` and `make test` each work as the first command on a bare machine.
PY := .venv/bin/python
READY := .venv/.ready

.PHONY: setup demo serve test lint fmt bench lock
setup: $(READY)

$(READY): requirements.lock pyproject.toml scripts/setup.sh
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

lock: setup
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --extra dev --extra stripe -o requirements.lock pyproject.toml
