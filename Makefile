# Everything a newcomer needs: `make demo` shows what hsigan does, `make test` checks it.
# Both set up .venv by themselves, once; a change of pyproject.toml or constraints.txt renews it.

PYTHON ?= python3.11
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
JOBS ?= 2

export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint tests format clean

demo: $(READY)
	$(BIN)/hsigan demo --out demo

test: lint tests

lint: $(READY)
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

tests: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q

format: $(READY)
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

# torch first and pinned: a bare requirement would draw in several GB of accelerator packages.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache
