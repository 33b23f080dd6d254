# The book from one command. Needs Python 3.11 or newer, git and a package registry; nothing else.
# Use another Python:           make PYTHON=python3.12 book
# Use another environment:      make VENV=/some/folder book

PYTHON ?= python3
VENV   ?= .venv
LABENV ?= .venv-lab
PORT   ?= 8000
SEED   ?= 2026
bin    := $(VENV)/bin

# Small models are faster on one thread. Pages show recorded frames in place of live widgets.
export OMP_NUM_THREADS := 1
export TQDM_DISABLE := 1
export PYTHONUNBUFFERED := 1
# Every page and every worker of the tests imports the package: compiled files are kept.
unexport PYTHONDONTWRITEBYTECODE
book sphinx: export RLHF_LAB_STATIC := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help book sphinx test test-book rerun check serve lint clean notebooks run-notebooks check-links zip pdf release lab \
        lab-env lab-release lab-grade lab-test benchmark

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is made once, and again when one of these two files changes.
$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The book needs Python 3.11 or newer; '$(PYTHON)' is:"; $(PYTHON) --version; \
	  echo "Name another one: make PYTHON=python3.12 $(or $(MAKECMDGOALS),book)"; exit 1; } >&2
	@echo "== environment: $(VENV)"
	@test -x $(bin)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed. On Debian or Ubuntu install python3-venv." >&2; \
	  rm -rf $(VENV); exit 1; }
	$(bin)/python -m pip install -r requirements.txt
	$(bin)/python -m pip install --no-deps -e .
	@touch $@

# Sphinx forgets the warnings of pages that it does not read again. So a build that did not end
# well leaves no mark, and the next one reads every page (outputs stay cached).
book: $(VENV)/.installed  ## build the book into _build/html; warnings are errors
	@echo "== book"
	@test -f _build/.complete || rm -rf _build/.doctrees _build/html
	@rm -f _build/.complete
	$(bin)/jupyter-book build . -W --keep-going -n
	@touch _build/.complete

test: $(VENV)/.installed  ## run the tests of the package, its worlds, derivations and tools
	@echo "== test"
	$(bin)/python -m pytest -n 2 --dist worksteal -m "not rerun and not browser"

test-book: book  ## run the tests of the built book, most of them in a browser
	@echo "== test-book"
	$(bin)/python -m pytest -n 2 --dist worksteal -m browser tests/book

rerun: $(VENV)/.installed  ## repeat what is recorded and what takes long: a seed of each experiment, every altered line
	@echo "== rerun"
	$(bin)/python -m pytest -n 2 --dist worksteal -m rerun tests/checks tests/derivations tests/experiments tests/test_gpt2_small.py

lint: $(VENV)/.installed  ## check style and format
	@echo "== lint"
	$(bin)/ruff check .
	$(bin)/ruff format --check --diff .
	$(bin)/python tools/format_pages.py --check chapters/*.md
	$(bin)/python tools/make_notebooks.py --check

check: lint book test test-book rerun  ## what CI runs first: lint, book, test, test-book, rerun

# An environment of its own: trl is no part of the book. torch comes first, in the version of the book.
.venv-benchmark/.installed: requirements.txt
	@echo "== environment: .venv-benchmark"
	@test -x .venv-benchmark/bin/python || $(PYTHON) -m venv .venv-benchmark
	.venv-benchmark/bin/python -m pip install torch==2.13.0
	.venv-benchmark/bin/python -m pip install trl==1.16.0 transformers==5.23.0 jaxtyping==0.3.11 platformdirs==4.14.7
	.venv-benchmark/bin/python -m pip install --no-deps --target .venv-benchmark/trl-1.12 trl==1.12.0
	@touch $@

benchmark: $(VENV)/.installed .venv-benchmark/.installed  ## time the package beside trl: make benchmark OPTIONS="--size 124m"
	$(bin)/python tools/benchmark.py $(OPTIONS)

notebooks: $(VENV)/.installed  ## make notebooks/ of the pages, for Colab
	$(bin)/python tools/make_notebooks.py

run-notebooks: $(VENV)/.installed  ## execute every notebook as Colab would, each alone in an empty folder
	$(bin)/python tools/run_notebooks.py

# A way out of Jupyter Book: the same pages with the newest Sphinx; their outputs come from `make book`.
sphinx: book  ## the same pages with plain, current Sphinx into _build/sphinx
	@echo "== sphinx"
	@test -x .venv-sphinx/bin/python || $(bin)/python -m venv .venv-sphinx
	.venv-sphinx/bin/python -m pip install -q --upgrade -r tools/plain_sphinx/requirements.txt
	.venv-sphinx/bin/sphinx-build -n --keep-going -d _build/.doctrees-sphinx -c tools/plain_sphinx . _build/sphinx

check-links: book  ## follow every link that leads out of the book (needs a network)
	$(bin)/jupyter-book build . --builder linkcheck --keep-going

zip: book  ## the built book as dist/book.zip, to be read from disk
	mkdir -p dist && rm -f dist/book.zip
	cd _build/html && $(abspath $(bin))/python -m zipfile -c ../../dist/book.zip ./*

pdf: book  ## the book as dist/book.pdf (needs a Chromium)
	$(bin)/python tools/make_pdf.py dist/book.pdf

release: zip pdf  ## wheel, sdist, notebooks, zip and PDF into dist/
	$(bin)/python -m pip install build
	$(bin)/python -m build --outdir dist .
	$(bin)/python -m zipfile -c dist/notebooks.zip notebooks/*.ipynb

# From the repository's folder: jupytext.toml is not read where JupyterLab's own folder lies below it.
lab: $(VENV)/.installed  ## the chapters as notebooks in JupyterLab; OPTIONS="--no-browser --port 8890"
	$(bin)/python -m pip install jupyterlab
	$(bin)/jupytext-config --settings-file $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json set-default-viewer myst markdown
	$(bin)/jupyter lab --LabApp.default_url=/lab/tree/chapters $(OPTIONS)

# What grades the lab has an environment of its own, without rlhf_lab, so that the book's stays as it is.
lab-env: $(LABENV)/.installed  ## the environment that grades the lab, with otter-grader
$(LABENV)/.installed: labs/rlhf-lab/requirements.txt
	@echo "== environment of the lab: $(LABENV)"
	@test -x $(LABENV)/bin/python || $(PYTHON) -m venv $(LABENV)
	$(LABENV)/bin/python -m pip install -r $<
	@touch $@

lab-release: $(VENV)/.installed lab-env  ## the graded lab into dist/lab; SEED=7 for other hidden inputs
	$(bin)/python tools/make_lab.py --python $(LABENV)/bin/python --seed $(SEED)

lab-grade: $(VENV)/.installed lab-env  ## grade the notebooks in FOLDER=... into FOLDER/grades.csv; OPTIONS="--jobs 4"
	env -u TQDM_DISABLE $(bin)/python tools/grade_lab.py --python $(LABENV)/bin/python $(OPTIONS) \
	  "$(or $(FOLDER),$(error Name the folder: make lab-grade FOLDER=submissions))"

lab-test: $(VENV)/.installed lab-env  ## release and grade the lab through otter, and test what comes out
	RLHF_LAB_REQUIRE_OTTER=1 RLHF_LAB_OTTER=$(abspath $(LABENV))/bin/python \
	  $(bin)/python -m pytest tests/lab

serve: book  ## build the book and serve it at http://localhost:8000
	$(bin)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

clean:  ## remove what was built; the environment stays
	rm -rf _build .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -not -path './$(LABENV)/*' -prune -exec rm -rf {} +
