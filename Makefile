# Everything happens in .venv, which the first target that needs it makes. Needs Python 3.11 to 3.13, and make.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
# Two installations into one environment would meet.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
# The commands that lit's tests start are found here.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Somebody else's environment must not leak into ours.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

# Which Python makes the environment: the first of these that is recent enough and has venv. Or: make PYTHON=...
PYTHON ?= python3 python3.13 python3.12 python3.11
PYTEST_ARGS ?=
LIT_ARGS ?=
BENCH_ARGS ?=
GPU_ARGS ?=

.PHONY: help
help:  ## Show this help
	@echo "Usage: make TARGET [PYTHON=python3.12] [PYTEST_ARGS=...] [LIT_ARGS=...] [BENCH_ARGS=...]"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(VENV)/.compiler  ## Compile a trained model, run it on real recordings without TensorFlow
	@$(RUN) examples/japanese_vowels/demo.py

.PHONY: test
test: test-device check test-filecheck test-unit test-vulkan  ## All checks and all tests

# Vulkan on a CPU (lavapipe), for the tests that run modules on it. Not being root, having no apt-get or no network is
# no error: they are skipped then and say why.
.PHONY: test-device
test-device:
	@tests/install_vulkan.sh

.PHONY: check
check: $(VENV)/.dev  ## Style, types and import contracts
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(BIN)/lint-imports --no-logo

.PHONY: test-filecheck
test-filecheck: $(VENV)/.dev  ## The IR's and the passes' tests only (lit and FileCheck)
	$(BIN)/lit --succinct $(LIT_ARGS) tests/filecheck

.PHONY: test-unit
test-unit: $(VENV)/.dev  ## The Python tests only; PYTEST_ARGS="tests/runtime -k state" for some of them
	$(RUN) -m pytest -n auto --dist worksteal -m "not vulkan" $(PYTEST_ARGS)

# One process, after the others: waiting for lavapipe takes two cores as long as a device is open (docs/gpu.md).
.PHONY: test-vulkan
test-vulkan: $(VENV)/.dev  ## The tests that run on a Vulkan device only; LSTM_IR_ALL_CASES=1 for all recorded cases
	$(RUN) -m pytest -m vulkan

# Apart: tracing every line makes compiling, which most tests do, take half as long again.
.PHONY: coverage
coverage: $(VENV)/.dev  ## The Python tests with the lines of the package that they run; takes PYTEST_ARGS too
	$(RUN) -m pytest -n auto --dist worksteal --cov --cov-report=term $(PYTEST_ARGS)

.PHONY: format
format: $(VENV)/.dev  ## Format the code, and mend what ruff can mend
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

.PHONY: measure-forms
measure-forms: $(VENV)/.compiler  ## Time the forms of a scan on this machine (the table of docs/forms.md)
	@$(RUN) examples/measure_forms.py

.PHONY: measure-gpu
measure-gpu: $(VENV)/.dev $(VENV)/.bench  ## Check and time CUDA on this machine's NVIDIA GPU, beside cuDNN; GPU_ARGS="--target-gpu sm_90"
	@$(RUN) examples/measure_gpu/prepare.py build/gpu $(GPU_ARGS)
	@$(RUN) examples/measure_gpu/measure.py build/gpu --out build/gpu-results --minutes 60

.PHONY: bench
bench: $(VENV)/.bench  ## Time the benchmark's shapes beside PyTorch, ONNX Runtime ...; BENCH_ARGS="--shapes quick"
	@$(BIN)/lstm-ir bench --suite $(BENCH_ARGS)

.PHONY: clean
clean:  ## Remove everything that make made
	rm -rf $(VENV) build dist examples/*/build .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find lstm_ir tests examples -depth \( -name __pycache__ -o -name Output \) -type d -exec rm -rf {} +
	rm -f tests/filecheck/.lit_test_times.txt

# The environment. Each stamp is touched last, so that an interrupted installation is made again.

$(VENV)/.made:
	@rm -rf $(VENV)
	@for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$candidate" --version) ($$(command -v "$$candidate"))"; \
	    "$$candidate" -m venv $(VENV); \
	    $(RUN) -m pip install --quiet --no-input --disable-pip-version-check --upgrade pip; \
	    touch $@; \
	    exit 0; \
	  fi; \
	done; \
	echo "error: lstm-ir needs Python 3.11, 3.12 or 3.13 with the venv and ensurepip modules." >&2; \
	for candidate in $(PYTHON); do \
	  echo "  $$candidate: $$("$$candidate" --version 2>&1 | head -n 1 || true)" >&2; \
	done; \
	echo "Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12 (Debian and Ubuntu: it needs python3-venv)." >&2; \
	exit 1

INSTALL := $(RUN) -m pip install --quiet --no-input --disable-pip-version-check

$(VENV)/.compiler: pyproject.toml | $(VENV)/.made
	@echo "installing lstm-ir[compiler] into $(VENV)"
	@$(INSTALL) --editable '.[compiler]'
	@touch $@

# TensorFlow and Keras come with this one: the tests compare with them.
$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "installing lstm-ir[dev] into $(VENV); TensorFlow is large, this takes a few minutes"
	@$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.compiler

# The runtimes to compare with are larger still.
$(VENV)/.bench: pyproject.toml | $(VENV)/.made
	@echo "installing lstm-ir[bench] into $(VENV); PyTorch and TensorFlow are large, this takes some minutes"
	@$(INSTALL) --editable '.[bench]'
	@touch $@ $(VENV)/.compiler
