# Two commands on a fresh machine do everything: `make demo`, `make test`. Both set up .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: setup demo test lint bench fuzz docs lock clean

setup: $(STAMP)

$(STAMP): pyproject.toml requirements-dev.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src
	touch $@

demo: setup
	$(BIN)/python examples/demo.py

test: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff format --check src tests scripts fuzz benchmarks examples
	$(BIN)/ruff check src tests scripts fuzz benchmarks examples
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

bench: setup
	$(BIN)/python benchmarks/run.py

fuzz: setup
	$(BIN)/python fuzz/mutants.py

docs: setup
	$(BIN)/python scripts/make_catalog.py
	$(BIN)/python scripts/make_readme_output.py

lock:
	uv pip compile --quiet --generate-hashes --universal --no-header --no-emit-index-url --no-annotate --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
