# Everything here works on a machine with Python 3.11 or newer and make; uv is used where it is on the PATH.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo ui test test-postgres test-training check format bench clean
.DELETE_ON_ERROR:

help:  ## Print this list
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: .venv/installed  ## Make a small dataset with the offline model; DEMO_ARGS="--help" lists what can be set
	$(BIN)/toolace run $(DEMO_ARGS)

ui: .venv/installed  ## Open the pipeline in Dagster's web interface
	$(BIN)/toolace ui $(UI_ARGS)

test: .venv/installed  ## Run all tests; PYTEST_ARGS="-k export --pdb" runs some
	@# Many tests start a command, and where PYTHONDONTWRITEBYTECODE is set each of them would compile the package anew.
	@$(BIN)/python -m compileall -q toolace_dagster assets
	$(BIN)/pytest $(PYTEST_ARGS)

test-postgres: .venv/installed  ## Test Dagster's storage in Postgres, with a server of its own; Postgres has to be installed
ifneq ($(UV),)
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,postgres]'
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres]'
endif
	$(BIN)/pytest -q tests/orchestration/test_postgres.py $(POSTGRES_ARGS)

test-training: .venv-train/installed  ## Train on exports with TRL on a CPU, in an environment of its own
	.venv-train/bin/pytest -q tests/training $(TRAINING_ARGS)

check: .venv/installed  ## Lint, formatting, types, and what may import what
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pytest -q tests/packaging/test_boundaries.py tests/packaging/test_tracked_files.py

format: .venv/installed  ## Format the code and apply the linter's safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed  ## Run the benchmarks
	@set -e; for script in benchmarks/bench_*.py; do \
		if [ -e "$$script" ]; then echo "== $$script"; $(BIN)/python "$$script" $(BENCH_ARGS); fi; done

clean:  ## Remove the environment, caches and builds; keeps toolace_data/
	rm -rf .venv .venv-train build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find toolace_dagster assets sql tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.11")'
ifneq ($(UV),)
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
else
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
endif
	@# What pyproject.toml names as pyright's extraPaths: toolace_dagster laid out as it is when installed.
	@mkdir -p .venv/typing/toolace_dagster
	@ln -sfn ../../../toolace_dagster/__init__.py .venv/typing/toolace_dagster/__init__.py
	@ln -sfn ../../../assets .venv/typing/toolace_dagster/assets
	@ln -sfn ../../../sql .venv/typing/toolace_dagster/sql
	@touch $@

# What trains is kept apart: torch alone is larger than everything else. TORCH_ARGS goes to the installer, such as
# --torch-backend=cpu for uv, which spares the download of what only a GPU needs.
.venv-train/installed: pyproject.toml constraints.txt
ifneq ($(UV),)
	test -x .venv-train/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-train
	$(UV) pip install --quiet --python .venv-train/bin/python -c constraints.txt $(TORCH_ARGS) -e '.[train]' hypothesis pytest
else
	.venv-train/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH_ARGS) -e '.[train]' hypothesis pytest
endif
	@touch $@
