# Everything that people and CI run. Each target sets up what it needs: Python 3.11+, git and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types drift generate format bench accuracy crash pictures clean

help: ## what can be made here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(READY) ## make the virtual environment

demo: $(READY) ## the whole job on simulated iPhones; STORY=name tells another story
	@$(BIN)/backupwatch demo $(if $(STORY),--scenario $(STORY))

test: $(READY) ## the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY) ## ruff, rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy --strict on the package
	$(BIN)/mypy

drift: $(READY) ## generated files are what the model says
	$(BIN)/python -m backupwatch.settings.render --check

check: lint types drift test ## all of the above; what CI runs

generate: $(READY) ## write config/ and the README's table from the model
	$(BIN)/python -m backupwatch.settings.render

format: $(READY) ## ruff, mending what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## speed and memory, side by side, as ratios
	$(BIN)/python tools/bench_phones.py
	$(BIN)/python tools/bench_daemon.py
	$(BIN)/python tools/bench_views.py

accuracy: $(READY) ## a thousand phones for a year against the truth
	$(BIN)/python tools/accuracy.py --phones 1000 --days 365 --seed 1

crash: $(READY) ## kill the daemon a thousand times; no alert may be lost
	$(BIN)/python tools/crash.py --kills 1000

pictures: $(READY) ## remake the pictures of the README from the simulator
	$(BIN)/python tools/pictures.py

clean: ## remove what was built here
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
