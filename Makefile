# Everything a person or a CI machine types. Each target does its own set-up; nothing to do takes under a second.

VENV ?= .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/pytest
NOX := $(BIN)/nox --noxfile noxfile.py
SCRIPTS := scripts/ensure-docker scripts/ensure-env scripts/ensure-chromium scripts/demo
export VENV
unexport PYTHONDONTWRITEBYTECODE  # without bytecode each process of the tests compiles all of localhai anew

.DEFAULT_GOAL := help
.PHONY: help page demo demo-airflow test test-airflow cluster-test unit fake page-test lint format soak bench bench-page mutants image docs lock env engine browser clean

help:  ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: env engine  ## train a small model in three containers, and see what came of it
	@$(BIN)/python scripts/demo

demo-airflow: env engine  ## a real Airflow runs the example's DAG in dev mode, by its scheduler
	@scripts/demo-airflow

test: env engine browser lint  ## everything that must hold: lint, types, import contracts, all tests
	$(PYTEST) tests/unit
	$(PYTEST) tests/fake
	$(PYTEST) tests/page
	$(PYTEST) tests/ --ignore=tests/unit --ignore=tests/fake --ignore=tests/page
	$(NOX) --session airflow-2.11.2 airflow-3.3.2
	$(NOX) --session airflow-2.10.5 airflow-3.1.8 -- -m essential
	$(NOX) --session cluster

unit: env  ## the fast tests, without Docker
	$(PYTEST) tests/unit

fake: env  ## whole executions, pipelines and the REST API, over the fake engine
	$(PYTEST) tests/fake

page-test: env browser  ## the web page in a real Chromium, over the fake engine
	$(PYTEST) tests/page

test-airflow: env engine  ## tests/airflow in real Airflows, each in an environment of its own; VERSIONS="2.11.2 3.1.8" for some
	$(NOX) $(if $(VERSIONS),--session $(VERSIONS:%=airflow-%))

cluster-test: env engine  ## Airflow with CeleryExecutor on two machines, of which one dies (Redis, PostgreSQL, S3)
	$(NOX) --session cluster

lint: env  ## style, types, import contracts
	$(BIN)/ruff check . $(SCRIPTS)
	$(BIN)/ruff format --check . $(SCRIPTS)
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	MYPYPATH=scripts $(BIN)/mypy --package machine
	$(BIN)/lint-imports

format: env  ## let ruff put the style right
	$(BIN)/ruff check --fix . $(SCRIPTS)
	$(BIN)/ruff format . $(SCRIPTS)

soak: env engine  ## kill localhai 200 times at random, and see that nothing is lost; SEED=1 KILLS=50 for others
	$(BIN)/python tests/soak --kills=$(or $(KILLS),200) $(if $(SEED),--seed=$(SEED))

bench: env engine  ## localhai against bare Docker and others, side by side
	$(BIN)/python benchmarks

bench-page: env browser  ## the web page in headless Chromium: paint, lists, logs, idle tabs; its table is in docs/benchmarks.md
	$(BIN)/python benchmarks/page.py

mutants: env  ## do the fast tests notice what mutmut changes in the rule books? see scripts/mutants.py
	$(NOX) --session mutants -- $(if $(FAKE),--fake '$(FAKE)') $(if $(TESTS),--tests '$(TESTS)') $(if $(JOBS),--jobs $(JOBS)) $(if $(SHOW),--show '$(SHOW)') $(FILES)

image: env engine  ## the image of `localhai serve`, built without network; BASE="python:3.11-slim" for another base
	scripts/image localhai $(BASE)

docs: env  ## the documentation, into site/
	$(BIN)/python scripts/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

page:  ## the web page's bundle anew from page/ (needs Node.js; see page/README.md)
	cd page && npm ci --no-audit --no-fund && npm run --silent check && npm test --silent && npm run --silent build

lock: env  ## requirements.lock anew from pyproject.toml
	scripts/lock

env:  ## the virtual environment, from requirements.lock
	@scripts/ensure-env

engine:  ## the Docker Engine and the images that demo and tests use
	@scripts/ensure-docker

browser:  ## the Chromium that the tests of the web page drive
	@scripts/ensure-chromium >/dev/null

clean:  ## remove what was built here; leaves .venv, Docker and LOCALHAI_HOME alone
	rm -rf build dist site mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage *.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
