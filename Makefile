# The two commands of the README are `make demo` and `make test`; each sets itself up in .venv.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
JOBS ?= 2
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM := false
export NO_MKDOCS_2_WARNING := 1

.PHONY: help set-up demo test fast check fmt site clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

set-up: $(STAMP) ## Create .venv and install everything in it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@echo "── set-up: $(VENV) with the exact versions of constraints.txt (first time: some minutes of downloads)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[agent,reproductions,docs,dev]'
	@touch $@

demo: $(STAMP) ## The whole line once: registry, agent, laboratory, site (some minutes)
	@echo "── 1 of 4 · registry: what is known"
	@$(BIN)/aki registry check
	@echo "── 2 of 4 · agent: a recorded visit to the sources becomes proposals; nothing is changed"
	@$(BIN)/aki agent refresh --replay agent/recorded/demo --workspace build/demo/workspace
	@echo "── 3 of 4 · laboratory: four methods inject 120 new entities into the shipped model"
	@$(BIN)/aki reproduce run demo --jobs $(JOBS)
	@$(BIN)/aki reproduce table --runs demo
	@echo "── 4 of 4 · site"
	@$(BIN)/aki site build
	@echo
	@echo "Done. Look at it:   $(BIN)/aki site serve      (or open build/site/index.html)"
	@echo "Decide proposals:   $(BIN)/aki agent review --workspace build/demo/workspace"
	@echo "Run another method: $(BIN)/aki reproduce list"

test: check ## Everything that CI runs: lint, types, contracts, tests, site
	@echo "── tests"
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup

fast: $(STAMP) ## The tests that take seconds
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow and not browser"

check: $(STAMP) ## Lint, types, import contracts, registry, README
	@echo "── lint"
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@echo "── types"
	@$(BIN)/basedpyright --level error
	@echo "── import contracts"
	@$(BIN)/lint-imports --no-cache
	@echo "── registry"
	@$(BIN)/aki registry check
	@$(BIN)/aki registry readme --check

fmt: $(STAMP) ## Bring code and registry into canonical form
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@$(BIN)/aki registry fmt

site: $(STAMP) ## Build the site and serve it
	@$(BIN)/aki site build && $(BIN)/aki site serve

clean: ## Remove what was built; keeps .venv and runs/
	rm -rf build .pytest_cache .ruff_cache .hypothesis
