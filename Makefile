# Two commands matter: `make demo` runs the main job, `make test` runs the tests. Both set up .venv first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
STAMPS := $(VENV)/stamps
KERNELS := setup.py $(wildcard */csrc/*.cpp */csrc/*.h distgnn/nn/csrc/*.cpp distgnn/nn/csrc/*.h)
PYTEST := $(BIN)/python -m pytest

# $(call timed,what it does,command): say it, do it, say how long it took.
timed = printf '==> %s\n' "$(1)"; start=$$SECONDS; $(2); printf '    done in %d s\n' "$$((SECONDS - start))"

.PHONY: help
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: setup
setup: $(STAMPS)/core ## Make .venv with what the main job needs.

.PHONY: setup-dev
setup-dev: $(STAMPS)/dev ## Make .venv with everything, tools and the zoo's compiled extensions too.

.PHONY: demo
demo: $(STAMPS)/core ## Partition, train on and predict a real graph (Amazon Computers), on this machine.
	@$(call timed,Running examples/quickstart.py,$(BIN)/python examples/quickstart.py --out runs/quickstart)

.PHONY: test
test: lint ## Lint, check types and imports, and run the tests (10 minutes on 2 cores).
	@$(call timed,pytest,$(PYTEST) --numprocesses 2 --dist loadfile --quiet)

.PHONY: test-slow
test-slow: $(STAMPS)/dev ## Run the tests that take minutes.
	@$(call timed,pytest (slow),$(PYTEST) -m slow)

.PHONY: faults
faults: $(STAMPS)/dev ## Kill ranks, samplers, nodes and drivers, and see runs go on (10 minutes).
	@$(call timed,pytest (faults),$(PYTEST) -m 'slow or not slow' -n 0 tests/faults tests/cluster/test_train.py)

.PHONY: lint
lint: $(STAMPS)/dev ## Run ruff, mypy and import-linter.
	@$(call timed,ruff,$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .)
	@$(call timed,mypy,$(BIN)/mypy --no-error-summary)
	@$(call timed,import-linter,$(BIN)/lint-imports > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; false; })

.PHONY: format
format: $(STAMPS)/dev ## Format and fix what ruff can.
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

.PHONY: bench
bench: $(STAMPS)/dev ## Run every benchmark in its quick form.
	@for script in benchmarks/[a-z]*.py; do $(call timed,$$script,$(BIN)/python $$script --quick); done

.PHONY: bench-large
bench-large: $(STAMPS)/dev ## Partition 10M nodes and 200M edges within 4 GiB (an hour, 60 GB of disk).
	@$(call timed,benchmarks/partition.py --large,$(BIN)/python benchmarks/partition.py --large)

.PHONY: lock
lock: $(STAMPS)/dev ## Write the installed versions to requirements.lock.
	@{ echo '# Versions that the Makefile installs (constraints for pip; made by `make lock`).'; \
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed -E 's/ @ .*//; s/\+cpu$$//'; } > requirements.lock

.PHONY: clean
clean: ## Remove what the other targets made.
	rm -rf $(VENV) build *.egg-info runs samplers/*.so partition/*.so

$(STAMPS)/venv: requirements.lock
	@$(call timed,Making $(VENV),$(PYTHON) -m venv $(VENV) && mkdir -p $(STAMPS))
	@# Alone and first: anything else that asks for torch would fetch whatever build is the newest.
	@$(call timed,Installing torch,$(PIP) torch)
	@touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml $(KERNELS)
	@$(call timed,Installing distgnn and compiling its kernels,$(PIP) --editable .)
	@touch $@

# The zoo's extensions exist as source only: compiled side by side, once per machine, then taken from pip's wheel cache.
$(STAMPS)/zoo: $(STAMPS)/venv
	@$(PIP) setuptools wheel
	@$(call timed,Installing torch-scatter + torch-sparse + torch-cluster (25 CPU-minutes the first time),printf '%s\n' torch-scatter torch-sparse torch-cluster | xargs -P 3 -I {} $(PIP) --no-build-isolation --no-deps {})
	@touch $@

$(STAMPS)/dev: $(STAMPS)/zoo pyproject.toml $(KERNELS)
	@$(call timed,Installing distgnn with all tools and compiling its kernels,$(PIP) --editable '.[dev]')
	@touch $(STAMPS)/core $@
