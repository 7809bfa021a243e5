# One command per need. Every target that runs something installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS ?= runs
PAGES := docs/_build

.PHONY: help install demo docs test test-slow lint fix bench clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+: *##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

install: $(STAMP)  ## make .venv with the package and everything it needs

$(STAMP): pyproject.toml constraints.txt
	@echo "== installing kadanoff and its pinned dependencies into $(VENV) (about a minute, 1.7 GB)"
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"kadanoff needs Python 3.11 to 3.13, got {v[0]}.{v[1]}; set PYTHON=python3.11, for example")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)   ## run the demo: a report that compares block spins with trained networks
	@echo "== kadanoff demo: sampling, training and reading, one to two minutes on two cores; Ctrl-C is safe, run it again to resume"
	$(BIN)/kadanoff demo --runs $(RUNS)

docs: $(STAMP)   ## build the pages, the gallery and a handout of one page; they open offline
	@echo "== installing what builds pages into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@echo "== running the scripts of the gallery, two to four minutes on two cores"
	$(BIN)/python -m sphinx -q -W --keep-going -d $(PAGES)/.doctrees docs $(PAGES)
	$(BIN)/python docs/handout.py $(PAGES)/handout.pdf
	@echo "== the pages are in $(PAGES)/index.html, the handout in $(PAGES)/handout.pdf"

test: $(STAMP)   ## run the fast tests
	@echo "== running the tests"
	$(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

test-slow: $(STAMP) ## run the slow tests
	@echo "== running the slow tests"
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)   ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

fix: $(STAMP)    ## let ruff mend and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## time kadanoff side by side with its peers, in an environment of their own
	@echo "== benchmarks against peers, installed by name into .bench-venv"
	$(BIN)/python benchmarks/run.py

clean:           ## remove the environment and build products (runs/ stays)
	rm -rf $(VENV) .bench-venv build dist .pytest_cache .ruff_cache
	rm -rf $(PAGES) docs/auto_gallery docs/gallery/auto_gallery
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
