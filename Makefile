# Needs Python 3.11 or newer and make; each target installs what it needs into .venv, from files of pinned hashes.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --group build pyproject.toml
# CI adds the exhaustive tests that are marked for it.
SELECT := not slow
ifeq ($(CI),true)
SELECT := not slow or ci
endif

.PHONY: demo demo-s3 test test-slow fuzz check bench lock clean peers

demo: .venv/run
	$(BIN)/escrow demo

# The same on a real S3 server on loopback (SeaweedFS, from a development dependency).
demo-s3: .venv/dev
	$(BIN)/escrow demo --store s3

test: .venv/dev peers
	$(BIN)/python -m pytest -n auto -m "$(SELECT)"

test-slow: .venv/dev peers
	$(BIN)/python -m pytest -n auto

# Ten minutes of altered bytes and vaults for both readers, each time others; CI's slow part takes 20 seconds.
fuzz: .venv/dev
	ESCROW_FUZZ_SECONDS=600 ESCROW_FUZZ_SEED=$$(date +%s) $(BIN)/python -m pytest -m fuzz tests/fuzz

check: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_project.py

# Compares with restic and borg where they are installed: BENCH="--quick --check" takes seconds.
bench: .venv/dev
	$(BIN)/python -m bench.run --out bench/out $(BENCH)

# Keeps the pins that still fit pyproject.toml; LOCK_FLAGS=--upgrade takes the newest.
lock: .venv/dev
	$(INSTALL) uv
	$(LOCK) $(LOCK_FLAGS) -o requirements.txt
	$(LOCK) $(LOCK_FLAGS) --extra dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf .venv build bench/out escrow.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/tools/.cache

# Independent implementations to compare with (npm, go): left out where they cannot be had, except in CI.
peers:
	tests/tools/install || [ "$(CI)" != true ]

.venv/run: requirements.txt pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements-dev.txt pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r requirements-dev.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "escrow needs Python 3.11 or newer: make PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
