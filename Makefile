# What people type. Every target says itself what it does: `make help` prints the lines with two hashes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

KRONKERS := .venv/bin/kronkers
PYTHON := .venv/bin/python

# MODEL=... and DATE=... given on the command line, handed on as one quoted word each.
model = $(if $(MODEL),'$(subst ','\'',$(MODEL))')
date = $(if $(DATE),--date '$(subst ','\'',$(DATE))')

.PHONY: help setup setup-dev check plan nightly retrain test test-fast lint types hooks attacks bench

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do \
	  printf '  make %-10s %s\n' "$$name" "$$text"; done

setup:  ## get this checkout ready: .venv, kronkers, sandbox, R, Julia
	@scripts/setup

setup-dev:
	@scripts/setup --dev

check: setup  ## every mistake in the YAML of conf/, all at once
	@$(KRONKERS) check

plan: setup  ## what a night would do, and why (MODEL=, DATE=)
	@$(KRONKERS) plan $(model) $(date)

nightly: setup  ## the nightly run: ingest, train where due, score (MODEL=, DATE=)
	@$(KRONKERS) run $(model) $(date)

retrain: setup  ## train a challenger for MODEL= now (DATE=)
	@$(if $(MODEL),,echo 'make retrain: say which model: make retrain MODEL=late_arrival' >&2; exit 2;) \
	  $(KRONKERS) train $(model) $(date)

# Each interpreter that the tests start would compile the program anew where an environment forbids to keep it.
test test-fast: export PYTHONDONTWRITEBYTECODE =

test: setup-dev lint types  ## lint, types, layers and all tests but the long ones, with their coverage
	@.venv/bin/lint-imports --no-cache >/dev/null || .venv/bin/lint-imports --no-cache
	@scripts/in-memory $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report= $(PYTEST)
	@$(if $(PYTEST),,$(PYTHON) -m tests.floors)

test-fast: setup-dev  ## the tests that start no interpreter and no server: under a minute
	@scripts/in-memory $(PYTHON) -m pytest -n 2 --dist loadfile --fast $(PYTEST)

lint: setup-dev
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet . || { .venv/bin/ruff format --diff --quiet .; exit 1; }

types: setup-dev
	@.venv/bin/mypy --no-error-summary

hooks: setup-dev  ## what takes seconds is checked before each commit
	@.venv/bin/pre-commit install

attacks: setup-dev  ## the long half of the attacks: each defence taken out, 100,000 flipped bytes, 50 kills (half an hour)
	@$(PYTHON) -m pytest -n 2 -m long tests/faults $(PYTEST)

bench: setup-dev  ## the benchmarks; not part of the tests (minutes)
	@$(PYTHON) -m pytest -m long tests/benchmarks $(PYTEST)
