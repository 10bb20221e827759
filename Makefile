# make reproduce: compute both halves on real input, compare with the committed records, draw all figures.
# make test:      run the tests.
# Both first set up .venv with this machine's python3 and the pinned packages of requirements.txt; after that they start at once.

PYTHON  ?= python3
SEEDS   ?= 3
PY      := .venv/bin/python
OUTPUT  := output

.DEFAULT_GOAL := help
.PHONY: help setup reproduce everything figures test lint clean

help:
	@echo "make reproduce   compute both halves, compare with the committed records, draw all figures (about 4 minutes on 2 cores)"
	@echo "                 SEEDS=n: recompute n of the 20 seeds of noisy-digits (default $(SEEDS))"
	@echo "make test        run the tests"
	@echo "make everything  recompute every committed record (about 45 minutes on 2 cores), then as reproduce"
	@echo "make figures     redraw all figures and tables from the records there are (seconds)"
	@echo "make lint        check style and layers"
	@echo "make setup       only make .venv; PYTHON=... chooses the interpreter"
	@echo "make clean       delete $(OUTPUT)/ (fresh records, stages, figures); the committed records stay"
	@echo "Any of them may be interrupted and called again: what is finished is kept."

setup:
	@sh .ci/setup "$(PYTHON)"

# What could be computed is compared and drawn even if something failed; the status tells. An interruption (128 and up) ends it at once.
REPORT = status=$$?; [ $$status -lt 128 ] || exit $$status; $(PY) -m figures reproduce && exit $$status

reproduce: setup
	@$(PY) -m theory claims && \
	$(PY) -m empirical run noisy-digits --seeds $(SEEDS) && \
	$(PY) -m empirical run noisy-digits-sheet; $(REPORT)

everything: setup
	@$(PY) -m theory claims && $(PY) -m theory run landscape tolerance regimes radius separability && \
	$(PY) -m empirical run noisy-digits noisy-digits-sheet digits digits-sheet; $(REPORT)

figures: setup
	@$(PY) -m figures draw

test: setup
	@$(PY) -m pytest -n auto --dist loadfile

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

clean:
	rm -rf $(OUTPUT)
