# make demo: reconstruct Lorenz-63 from a time series.  make test: check the installation.  Nothing else is needed.

VENV = .venv
EXTRAS = test
DATA = ../shared/data
BIN = $(VENV)/bin
SHELL = /bin/bash
.DEFAULT_GOAL = help
.PHONY: help demo test slow lint typecheck validate bench clean

help:
	@echo "make demo       install into $(VENV), reconstruct Lorenz-63, print its invariants and the path of the report"
	@echo "make test       install with the test tools, run the tests"
	@echo "make slow       the scientific checks that need minutes"
	@echo "make validate   published protocols, all models on all systems: hours, goes on where docs/validation.md stops"
	@echo "make bench      measure training on this machine, some twenty minutes, and write BENCHMARKS.md"
	@echo "make lint       ruff"
	@echo "make typecheck  mypy over the installed package"
	@echo "make clean      remove $(VENV) and caches; runs are kept"

demo: $(VENV)/.installed
	$(BIN)/dsr reconstruct lorenz63

# Two processes, one thread each: more threads only wait for one another.
test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -q

slow: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -n 2 -rA

# Published data files are no part of the project: DATA=FOLDER names theirs, and sections without theirs are left out.
validate: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m dsr.runs.validation $(if $(wildcard $(DATA)),--data $(DATA))

# One thread: the ratios are those of one core.
bench: $(VENV)/.installed-bench
	OMP_NUM_THREADS=1 $(BIN)/python -m dsr.runs.bench

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

# The folders systems/, analysis/ and runs/ are packages below dsr only once installed: so a copy is, away from here.
typecheck: $(VENV)/.installed-test
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && mkdir "$$tmp/tree" "$$tmp/empty" && \
	cp -r pyproject.toml README.md LICENSE dsr systems analysis runs "$$tmp/tree" && \
	$(BIN)/pip install -q --no-deps --target "$$tmp/site" "$$tmp/tree" && \
	bin=$$(cd $(BIN) && pwd) && cd "$$tmp/empty" && \
	MYPYPATH="$$tmp/site" "$$bin/mypy" --config-file "$$tmp/tree/pyproject.toml" -p dsr

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyproject.toml decides what is installed; after a change to it these run again.
$(VENV)/.installed: pyproject.toml | $(VENV)/.made
	$(BIN)/pip install -q -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.made
	$(BIN)/pip install -q -e ".[$(EXTRAS)]"
	@touch $@

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/.made
	$(BIN)/pip install -q -e ".[bench]"
	@touch $@

$(VENV)/.made:
	@for python in python3 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then \
	    "$$python" -m venv --clear $(VENV) || { \
	      echo "python3 cannot make a virtual environment; on Debian or Ubuntu: sudo apt install python3-venv" >&2; \
	      exit 1; }; \
	    touch $@; exit 0; \
	  fi; \
	done; \
	echo "dsr needs Python 3.11 or 3.12; found: $$(python3 --version 2>&1). Install one of them, then make again." >&2; \
	exit 1
