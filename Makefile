# SPDX-License-Identifier: Apache-2.0
# Recipes for people and for CI. From a fresh clone, with Python 3.11+ and make only:
#   make quickstart     set up, then the main job on simulated platforms
#   make test           set up, then the tests
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin

# The first interpreter that is new enough; PYTHON=/path/to/python overrides the search.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

export PYTHONDONTWRITEBYTECODE :=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help:  ## List the recipes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: three stamps, so that each step runs only when what it reads has changed ---

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; install one or pass PYTHON=/path/to/python" >&2; exit 5; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.locked: requirements/dev.txt | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed  ## Create .venv from the hashed lock, with the project editable
