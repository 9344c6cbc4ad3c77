# Everything from a clean checkout: Python 3.11 or later and make are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test check bench lock drill drill-disclosure clean
.DEFAULT_GOAL := install

# The stamp is newer than the lock when the environment is up to date.
$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/knownto demo

test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

bench: install
	$(BIN)/python -m benchmarks

# The long form of what CI runs short: pushes killed at random moments, the stored log tampered with, messages
# replayed or altered.
KILLS ?= 200
MUTATIONS ?= 1000
MESSAGES ?= 10000
drill: install drill-disclosure
	KNOWNTO_DRILL_KILLS=$(KILLS) $(BIN)/python -m pytest tests/e2e/test_killed_push.py tests/e2e/test_killed_lookups.py
	KNOWNTO_DRILL_MUTATIONS=$(MUTATIONS) $(BIN)/python -m pytest tests/hub/test_log_mutations.py
	KNOWNTO_DRILL_MESSAGES=$(MESSAGES) $(BIN)/python -m pytest -s tests/hub/test_forged_messages.py

# The disclosure rules against their second implementation.
QUESTIONS ?= 1000000
drill-disclosure: install
	KNOWNTO_DISCLOSURE_CASES=$(QUESTIONS) $(BIN)/python -m pytest tests/hub/test_disclosure.py

# Rebuild the hash-locked requirements after changing the dependencies in pyproject.toml.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev --extra recordlinkage --output-file requirements.txt pyproject.toml requirements-build.in
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) .venv-lock .mypy_cache .ruff_cache .pytest_cache
