PYTHON ?= python3
BIN := .venv/bin
NAMES := $(notdir $(wildcard assignments/*))

.PHONY: help setup demo test lint notebooks text release release-check bench lock clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' Makefile | sed -E 's/:.*##/ —/'

setup: .venv/ready ## a virtual environment with all that is needed, in .venv

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is older: run make PYTHON=python3.12 (or newer)."; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "This Python cannot make virtual environments: on Debian or Ubuntu, apt install python3-venv."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup      ## grade a made-up class and show where the results are
	@$(BIN)/autograder demo softmax

# Slow tests wait in turn, for time limits and processes: three at a time keep two processors at work.
test: setup      ## every test, fast ones first
	$(BIN)/python -m pytest -q -n 2 -m "not slow" tests
	$(BIN)/python -m pytest -q -n 3 --dist worksteal -m slow tests

lint: setup      ## ruff, mypy strict, import direction
	$(BIN)/ruff check autograder tests benchmarks docs
	$(BIN)/ruff format --check autograder tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py

notebooks: setup ## assignments/*/*.md → source/, as notebooks
	@$(BIN)/autograder make $(NAMES)

text: setup      ## notebooks edited elsewhere, back to assignments/*/*.md
	@$(BIN)/autograder make --text $(NAMES)

release: setup   ## notebooks, validated, then release/ for students
	@for name in $(NAMES); do $(BIN)/autograder release $$name || exit; done

bench: setup     ## autograder, nbgrader and otter-grader with the same classes: about an hour
	$(BIN)/python benchmarks/compare.py --docs

release-check: setup ## build what goes to PyPI, look at it, and run the demo from it alone
	rm -rf dist build/release-check build/demo-course
	$(BIN)/uv build --quiet --out-dir dist
	$(BIN)/uv tool run --quiet twine check --strict dist/*
	$(PYTHON) -m venv build/release-check
	build/release-check/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls $(CURDIR)/dist/*.whl)[grade]"
	build/release-check/bin/autograder demo -o build/demo-course

lock: setup      ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate --quiet -o requirements.lock pyproject.toml

clean:           ## remove what make made
	rm -rf .venv benchmarks/.venvs benchmarks/out demo-course build dist
