# make reproduce: compute both halves on real input, compare with the committed records, draw all figures.
# make test:      run the tests.
# Both first set up .venv with this machine's python3 and the pinned packages of requirements.txt; after that they start at once.

PYTHON  ?= python3
SEEDS   ?= 3
PY      := .venv/bin/python
OUTPUT  := output

.DEFAULT_GOAL := help
.PHONY: help setup reproduce everything figures latex paper test lint clean

help:
	@echo "make reproduce   compute both halves, compare with the committed records, draw all figures (about 6 minutes on 2 cores)"
	@echo "                 SEEDS=n: recompute n of the 20 seeds of noisy-digits (default $(SEEDS))"
	@echo "make test        run the tests"
	@echo "make everything  recompute every committed record of the theory and the digits (about 45 minutes on 2 cores), then as reproduce"
	@echo "make figures     redraw all figures and tables from the records there are (seconds)"
	@echo "make paper       typeset the report from the committed records: $(OUTPUT)/paper/report.pdf (needs LaTeX)"
	@echo "make latex       say whether the LaTeX of this machine is complete"
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
	$(PY) -m empirical run noisy-digits noisy-digits-sheet --seeds $(SEEDS); $(REPORT)

everything: setup
	@$(PY) -m theory claims && $(PY) -m theory run landscape tolerance regimes radius separability && \
	$(PY) -m empirical run noisy-digits noisy-digits-sheet digits digits-sheet; $(REPORT)

figures: setup
	@$(PY) -m figures draw

# The date of the last commit stands for the time, so that equal sources give equal bytes.
LATEX = latexmk texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended
STYLES = booktabs.sty microtype.sty enumitem.sty float.sty caption.sty mathpazo.sty longtable.sty

latex:
	@command -v latexmk >/dev/null && kpsewhich $(STYLES) >/dev/null || { \
		echo "error: LaTeX is missing or incomplete; Debian, Ubuntu: apt install $(LATEX)" >&2; exit 2; }

paper: latex setup
	@$(PY) -m figures paper --out $(OUTPUT)/paper
	@cd paper && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) FORCE_SOURCE_DATE=1 TEXINPUTS=../$(OUTPUT)/paper:: \
		latexmk -pdf -silent -interaction=nonstopmode -halt-on-error -outdir=../$(OUTPUT)/paper report.tex
	@echo $(OUTPUT)/paper/report.pdf

test: setup
	@$(PY) -m pytest -n auto --dist loadfile

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

clean:
	rm -rf $(OUTPUT)
