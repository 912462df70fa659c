# Everything runs from .venv; another interpreter: make PYTHON=python3.12 setup
PYTHON ?= python3
RUN := .venv/bin/python -m

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-cluster check format

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## create .venv with the tested versions, then look for what breaks installations

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN) pip install -q -c constraints.txt -e '.[dev]'
	$(RUN) aed_lightning doctor
	@touch $@

demo: setup ## generate the toy benchmark, train on it, evaluate, print the summary (result in runs/demo)
	$(RUN) aed_lightning demo

test: check ## static checks and every test that is not slow
	OMP_NUM_THREADS=1 $(RUN) pytest -q -n 2 -m "not slow and not cluster"

test-all: check ## the same with the slow tests
	OMP_NUM_THREADS=1 $(RUN) pytest -q -n 2 -m "not cluster"

test-cluster: setup ## jobs of experiments/cluster on a SLURM of two nodes, installed and started here (Debian, root)
	tests/cluster/slurm.sh install_packages
	OMP_NUM_THREADS=1 $(RUN) pytest -q -m cluster tests/cluster

check: setup ## static checks only: lint, format, types, import rules
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	.venv/bin/lint-imports

format: setup ## rewrite the code in the project's format
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
