# SPDX-License-Identifier: Apache-2.0
# Recipes for people and for CI. From a fresh clone, with Python 3.11+ and make only:
#   make quickstart     set up, then the main job on simulated platforms
#   make test           set up, then the tests
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first interpreter that is new enough; PYTHON=/path/to/python overrides the search.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

# Recorded cases of other parties. They are not part of the repository.
CONFCOM_VECTORS ?= ../shared/vectors
export CONFCOM_VECTORS

CODE := $(wildcard src tests tools benchmarks docs/conf.py)
PYTEST_ARGS ?= -n auto
FUZZ_SECONDS ?= 60

.PHONY: help
help:  ## list the recipes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: a stamp for each step, so that it runs again only when what it reads has changed ---

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer on PATH; install one or give PYTHON=/path/to/python" >&2; exit 5; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.locked: requirements/dev.txt | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/fuzz.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed  ## create .venv from the hashed lock, with the project editable

# --- the main job ---

.PHONY: quickstart
quickstart: setup  ## make, verify, break and explain quotes of simulated platforms
	@$(BIN)/confcom quickstart

# --- looking at the code ---

# What a commit of everything would hold.
FILES := git ls-files -z --cached --others --exclude-standard -- .

# Digests and quotes look random because they are; keys and tokens are what is searched for. The fake
# password of the tests is hunter2.
SECRETS_NOT := --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString \
	--disable-plugin KeywordDetector --exclude-secrets '^hunter2$$'

.PHONY: fmt
fmt: setup  ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lint
lint: setup  ## format, lint, spelling, whitespace, secrets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(FILES) ':!requirements' ':!LICENSE' ':!*go.sum' | xargs -0 $(BIN)/codespell
	@! git grep --untracked -nIE '[[:blank:]]+$$' -- ':!LICENSE' || { echo "error: blanks at the end of these lines" >&2; exit 1; }
	$(FILES) | xargs -0 $(BIN)/detect-secrets-hook --no-verify $(SECRETS_NOT)

.PHONY: types
types: setup  ## mypy, strict
	$(BIN)/mypy $(CODE)

.PHONY: imports
imports: setup  ## the three contracts about who may import whom
	$(BIN)/lint-imports

.PHONY: changes
changes: setup  ## show the changelog that the fragments would make
	@$(BIN)/towncrier build --draft --version next

# The code that protoc makes of protocols/pb/*.proto is committed; it is made again and compared.
PROTOS := src/confcom/protocols/pb
PROTOC := $(BIN)/python -m grpc_tools.protoc --proto_path=confcom/protocols/pb=$(PROTOS)

.PHONY: protos
protos: setup  ## generate the code of protocol messages
	$(PROTOC) --python_out=src --pyi_out=src $(PROTOS)/*.proto

.PHONY: protos-check
protos-check: setup  ## is that code what its definitions give?
	@rm -rf .build/protos && mkdir -p .build/protos
	$(PROTOC) --python_out=.build/protos --pyi_out=.build/protos $(PROTOS)/*.proto
	@for file in $(PROTOS)/*_pb2.py*; do diff -u "$$file" .build/protos/confcom/protocols/pb/$${file##*/} || \
		{ echo "error: $$file is not what protoc makes; run: make protos" >&2; exit 1; }; done

.PHONY: check
check: lint types imports protos-check changes  ## all of the above

# --- running the code ---

.PHONY: test
test: setup  ## the tests, in random order, without network
	$(BIN)/pytest $(PYTEST_ARGS)

# Where verdicts are made, no line and no branch goes untested.
EXACT := */confcom/wire/*,*/confcom/sgx/*,*/confcom/dcap/*,*/confcom/attestation/appraisal.py,*/confcom/attestation/verification.py,*/confcom/attestation/_*.py

.PHONY: coverage
coverage: setup  ## the tests with branch coverage: 95 % overall, 100 % where verdicts are made
	@rm -rf .build/coverage
	$(BIN)/pytest $(PYTEST_ARGS) --cov --cov-report= --cov-fail-under=0
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=100 --include='$(EXACT)'

# Programs of others to compare with; they need Go, and network the first time.
GO_TDX_GUEST := github.com/google/go-tdx-guest/tools/check@v0.3.1
PEERS := .build/peers

.PHONY: peers
peers: $(PEERS)/check  ## build the programs that the tests compare with (needs Go)

$(PEERS)/check:
	@command -v go >/dev/null || { echo "error: go is not on PATH; install Go 1.21 or newer" >&2; exit 5; }
	@mkdir -p $(PEERS)
	GOBIN="$(CURDIR)/$(PEERS)" go install $(GO_TDX_GUEST)

# Clients of others that ask our daemons: written here, on public packages, so that they share no
# code with us. A tool that is missing is one line, and an error where everything has to be there.
CLIENTS := tests/integration/interop
REQUIRED := $(filter 1 true,$(CONFCOM_REQUIRE_INTEGRATION) $(CI))

.PHONY: integration
integration: clients  ## the tests with real programs and sockets, and clients of others (needs Rust and Go)
	$(if $(REQUIRED),CONFCOM_REQUIRE_INTEGRATION=1 )$(BIN)/pytest $(PYTEST_ARGS) tests/integration tests/differential

.PHONY: clients
clients: setup $(PEERS)/python
	@for tool in cargo go; do \
		if command -v $$tool >/dev/null; then $(MAKE) --no-print-directory clients-$$tool; \
		elif [ -n "$(REQUIRED)" ]; then echo "error: $$tool is not on PATH" >&2; exit 5; \
		else echo "skipped: clients that $$tool builds, which is not on PATH"; fi; \
	done

# One of the crates runs protoc when it is built; grpcio-tools has one.
.PHONY: clients-cargo
clients-cargo: setup
	@mkdir -p $(PEERS) .build/rust/bin
	@printf '#!/bin/sh\nexec "%s" -m grpc_tools.protoc "$$@"\n' "$(CURDIR)/$(BIN)/python" >.build/rust/bin/protoc
	@chmod +x .build/rust/bin/protoc
	PATH="$(CURDIR)/.build/rust/bin:$$PATH" CARGO_TARGET_DIR=.build/rust \
		cargo build --quiet --locked --manifest-path $(CLIENTS)/aesm_peer/Cargo.toml
	@cp .build/rust/debug/aesm-peer $(PEERS)/

.PHONY: clients-go
clients-go: peers
	cd $(CLIENTS)/tdx_peer && go build -trimpath -o "$(CURDIR)/$(PEERS)/tdx-peer" .

$(PEERS)/python: $(CLIENTS)/td_guest/requirements.txt | $(VENV)/.installed
	@rm -rf $@
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --only-binary :all: --target $@ -r $<
	@touch $@

# A Kubernetes cluster of real parts. Its programs are built once, into a folder outside the tree.
.PHONY: testcluster
testcluster: setup  ## build etcd, Kubernetes, containerd and kwok for e2e (needs Go, root for packages)
	$(BIN)/python -m tools.testcluster.build $(TESTCLUSTER_ARGS)

.PHONY: e2e
e2e: testcluster  ## the tests on that cluster, in namespaces that no packet can leave (needs root)
	$(BIN)/pytest -m e2e --timeout=300 tests/e2e

.PHONY: cluster-up
cluster-up: testcluster  ## start such a cluster for yourself; prints where its kubeconfig is
	$(BIN)/python -m tests.cluster up

.PHONY: cluster-down
cluster-down: setup  ## end it; nothing of it stays
	$(BIN)/python -m tests.cluster down

.PHONY: vectors
vectors: setup  ## recorded cases of real and edited quotes: every verdict as expected
	@if [ -d "$(CONFCOM_VECTORS)/dcap" ] || [ -d "$(CONFCOM_VECTORS)/aesm" ]; then \
		$(BIN)/python -m tests.vectors.run; \
	elif [ "$${CONFCOM_REQUIRE_VECTORS:-0}" = 1 ]; then \
		echo "error: no vectors in $(CONFCOM_VECTORS)/dcap; set CONFCOM_VECTORS" >&2; exit 1; \
	else \
		echo "skipped: no vectors in $(CONFCOM_VECTORS)/dcap; set CONFCOM_VECTORS"; \
	fi

.PHONY: docs
docs: setup  ## the documentation, warnings as errors, examples executed
	$(BIN)/sphinx-build -W --keep-going -n -q -E -b html docs docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -n -q -E -b doctest docs docs/_build/doctest
	@echo "docs: docs/_build/html/index.html"

.PHONY: reference
reference: setup  ## write the pages that are made from the program: commands, settings, formats
	$(BIN)/python -m tools.cli_reference
	$(BIN)/python -m tools.settings_reference
	$(BIN)/python -m tools.format_reference

# One image for all programs. The second build of a commit is the first one, byte for byte.
.PHONY: image
image: setup  ## make the container image, as an OCI archive in .build/image
	@rm -rf .build/image && mkdir -p .build/image
	$(BIN)/python -m build --wheel --no-isolation --outdir .build/image . >/dev/null
	$(BIN)/python -m tools.image --wheel .build/image/*.whl --out .build/image/confcom.tar

.PHONY: bench
bench: setup  ## times and ratios against the named peer, as a table
	$(BIN)/python -m benchmarks

.PHONY: attacks
attacks: setup  ## hostile clients of the quote helper, and what it serves meanwhile
	$(BIN)/python -m benchmarks.attacks

.PHONY: fuzz
fuzz: $(VENV)/.fuzz  ## hostile bytes for every parser, FUZZ_SECONDS each
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

.PHONY: mutation
mutation: setup  ## break verify, tcb and appraise on purpose: do the tests notice?
	$(BIN)/python -m tools.mutation

# --- what ships ---

.PHONY: wheel
wheel: setup  ## build the wheel into dist/
	@rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

RESOLVE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --exclude-newer '7 days' --custom-compile-command 'make locks'

# Releases younger than a week are not taken: time for others to notice a bad one.
# All locks agree with the development lock. LOCK_ARGS=--upgrade moves to newer releases.
.PHONY: locks
locks: setup  ## resolve requirements/*.txt again (needs the network)
	$(RESOLVE) --extra all --group dev $(LOCK_ARGS) -o requirements/dev.txt
	$(RESOLVE) --extra all --group test -c requirements/dev.txt -o requirements/test.txt
	$(RESOLVE) --extra all -c requirements/dev.txt -o requirements/all.txt
	$(RESOLVE) --extra cli -c requirements/dev.txt -o requirements/cli.txt
	$(RESOLVE) --extra device-plugin -c requirements/dev.txt -o requirements/device-plugin.txt
	$(RESOLVE) --extra quote-helper -c requirements/dev.txt -o requirements/quote-helper.txt
	$(RESOLVE) -c requirements/dev.txt -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--exclude-newer '7 days' --custom-compile-command 'make locks' --group fuzz -o requirements/fuzz.txt

.PHONY: clean
clean:  ## remove what was built (not .venv)
	rm -rf .build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
