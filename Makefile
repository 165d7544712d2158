# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STACK := local/node_modules/.ready

.PHONY: help setup demo up test chaos fuzz bench bench-sql mutants check sql data-model lock audit sbom

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) $(STACK) ## install the locked dependencies into .venv and local/node_modules

$(READY): requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(STACK): local/package-lock.json $(READY)
	$(BIN)/python -m local install
	@touch $@

demo: setup ## send real photographs of a small fleet through every process, and show the results
	@$(BIN)/python -m local demo

up: setup ## start the same processes, show their addresses, and keep them running
	@$(BIN)/python -m local up

test: setup ## the whole test suite
	$(BIN)/python -m pytest

# Faults of the broker and of Redis that are tested with settings of their own.
FAULTS := $(patsubst %,tests/deployment/test_%.py,broker_away full_memory refused_messages sessions)
chaos: setup ## kill and freeze processes and cut connections for some minutes, and count what is lost
	$(BIN)/python -m pytest tests/chaos tests/hostile $(FAULTS) --chaos=long

MESSAGES ?= 1000000
fuzz: setup ## generate MESSAGES hostile messages, a hundredth of that images and commands, and measure what they cost
	$(BIN)/python -m pytest $(patsubst %,tests/hostile/test_fuzz_%.py,messages images commands) --fuzz-messages=$(MESSAGES)

bench: setup ## measure the limits on this machine, for some minutes; needs mosquitto on PATH
	$(BIN)/python -m benchmarks

bench-sql: setup ## measure the queries of users on millions of captures; needs PostgreSQL on PATH
	$(BIN)/python -m benchmarks.database

SAMPLE ?= 100
SEED ?= 1
MINUTES ?= 60
mutants: setup ## change the code in SAMPLE places, one at a time, and see whether the tests notice
	$(BIN)/python -m mutation --sample $(SAMPLE) --seed $(SEED) --minutes $(MINUTES)

check: $(READY) ## lint, types, import rules and the quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/unit

sql: $(READY) ## write sql/install.sql from the other files of sql/
	$(BIN)/python -m operate.schema.editor

data-model: setup ## draw the diagram of docs/data-model.md; needs PostgreSQL on PATH
	$(BIN)/python -m local.data_model

lock: $(READY) ## rewrite the lock files from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --upgrade -o requirements-dev.lock

audit: setup ## look the locked packages of Python and npm up in the advisory databases
	@$(BIN)/python -m supply audit

sbom: setup ## write the bills of materials of Python, npm and the image to .local/sbom
	@$(BIN)/python -m supply sbom
