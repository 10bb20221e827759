# make reproduce  computes both halves on real input, compares them with the committed records and
# draws all figures; make test runs the tests. Every target first sets up .venv with this machine's
# python3 and the pinned packages of requirements.txt; once that is done, it starts at once.

PYTHON  ?= python3
SEEDS   ?= 3
PY      := .venv/bin/python
OUTPUT  := output

.DEFAULT_GOAL := help
.PHONY: help setup reproduce everything figures explorer latex paper test quick lint clean

help:
	@echo "make reproduce   compute both halves, compare with the committed records, draw all figures"
	@echo "                 (about 9 minutes on 2 cores)"
	@echo "                 SEEDS=n: recompute n of the 8 seeds of the experiment ideal (default $(SEEDS))"
	@echo "make everything  recompute every committed record of the theory and the digits"
	@echo "                 (about 45 minutes on 2 cores), then as reproduce"
	@echo "make figures     redraw all figures and tables from the existing records (seconds)"
	@echo "make explorer    write the explorer, one page for any browser: $(OUTPUT)/explorer.html"
	@echo "make paper       typeset the report from the committed records (needs LaTeX):"
	@echo "                 $(OUTPUT)/paper/report.pdf"
	@echo "make latex       check whether the LaTeX of this machine is complete"
	@echo "make quick       run the fast tests (under a minute on 2 cores)"
	@echo "make test        run all tests"
	@echo "make lint        check style, docstrings and types"
	@echo "make setup       make .venv and nothing else; PYTHON=... chooses the interpreter"
	@echo "make clean       delete $(OUTPUT)/ (fresh records, stages, figures, generators);"
	@echo "                 the committed records stay"
	@echo "Every target may be interrupted and called again: finished work is kept."

setup:
	@sh .ci/setup "$(PYTHON)"

# Compare and draw what was computed even if a part failed; the exit status tells of the failure.
# An interruption (status 128 and above) ends at once.
REPORT = status=$$?; [ $$status -lt 128 ] || exit $$status; \
	$(PY) -m figures reproduce && exit $$status

reproduce: setup
	@$(PY) -m theory claims && \
	$(PY) -m empirical run ideal noisy-digits-sheet --seeds $(SEEDS); $(REPORT)

everything: setup
	@$(PY) -m theory claims && \
	$(PY) -m theory run landscape tolerance regimes radius separability && \
	$(PY) -m empirical run ideal noisy-digits noisy-digits-sheet digits digits-sheet; $(REPORT)

figures: setup
	@$(PY) -m figures draw

explorer: setup
	@$(PY) -m theory explore --no-browser --out $(OUTPUT)/explorer.html

# The date of the last commit is the document's date, so that equal sources give equal bytes.
LATEX = latexmk texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended
STYLES = booktabs.sty microtype.sty enumitem.sty float.sty caption.sty mathpazo.sty longtable.sty

latex:
	@command -v latexmk >/dev/null && kpsewhich $(STYLES) >/dev/null || { \
		echo "error: LaTeX is missing or incomplete; Debian, Ubuntu: apt install $(LATEX)" >&2; \
		exit 2; }

paper: latex setup
	@$(PY) -m figures paper --out $(OUTPUT)/paper
	@cd paper && \
		SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) FORCE_SOURCE_DATE=1 \
		TEXINPUTS=../$(OUTPUT)/paper:: latexmk -pdf -silent -interaction=nonstopmode \
		-halt-on-error -outdir=../$(OUTPUT)/paper report.tex
	@echo $(OUTPUT)/paper/report.pdf

test: setup
	@$(PY) -m pytest -n auto --dist loadfile

quick: setup
	@$(PY) -m pytest -n auto --dist loadfile -m "not slow and not browser"

# The same commands are the hooks of .pre-commit-config.yaml.
lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

clean:
	rm -rf $(OUTPUT)
