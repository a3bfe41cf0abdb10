# Everything there is to run. CI calls these targets and adds nothing.

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# the variables pin the build backend as well: old and new pip each read their own
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install \
	--quiet --disable-pip-version-check --constraint constraints.txt

# Debian's packages, and for each a command that succeeds where it is there.
PACKAGES := python3-venv strace
has-python3-venv = $(PYTHON) -c 'import ensurepip'
has-strace = command -v strace
missing = $(strip $(foreach p,$(PACKAGES),$(if $(shell { $(has-$(p)); } >/dev/null 2>&1 && echo y),,$(p))))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test soak mutants faults check docs system bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## run the whole flow on generated orders, up to SQL results
	$(BIN)/edp demo

test: $(VENV)/.dev ## run every test; ARGS="-k name" goes to pytest
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

soak: $(VENV)/.dev ## kill the pipeline at every write, and torture it for a while: half an hour
	EDP_SOAK=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile tests/aws tests/kill $(ARGS)
	$(BIN)/edp torture --minutes 3

mutants: $(VENV)/.dev ## take away one guard at a time, and see a test go red: ARGS="fence sync" chooses
	$(BIN)/python -m tests.mutants $(ARGS)

faults: $(VENV)/.dev ## run the tests of the fault matrix, and write docs/reference/faults.md
	$(BIN)/python -m tests.faults

check: $(VENV)/.dev ## check format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.dev ## write the parts of the reference that are the code's own words
	$(BIN)/python -m tests.infra.templates
	$(BIN)/python -m tests.docs.generated

system: ## install Debian's packages; without root, print the command
	@missing="$(missing)"; \
	if [ -z "$$missing" ]; then echo "system: nothing is missing ($(PACKAGES))"; \
	elif [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && apt-get install -qy --no-install-recommends $$missing; \
	else \
		echo "system: run this as root: apt-get install -y --no-install-recommends $$missing"; \
		[ "$(CI)" != true ]; \
	fi

bench: $(VENV)/.bench ## compare EDP with others; ARGS="--sets 100MB --rounds 3" (--help: all)
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove the environment, caches and build results
	rm -rf $(VENV) edp-demo edp-torture build dist .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# pip is the last thing a new environment gets: while it is missing, the environment is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "EDP needs Python 3.11 or newer, and '$(PYTHON)' is not;" \
			"name another one: make PYTHON=/path/to/python ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed; on Debian, 'make system' installs what it needs" >&2; exit 1; }

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/.runtime $@

$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable '.[bench]'
	@touch $(VENV)/.runtime $@
