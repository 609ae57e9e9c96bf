# The two commands: `make book` and `make test`. Everything they need is installed into .venv.

PYTHON ?= python3
EXTRAS ?= book,test,render,reference,bm3d
# The weekly rebuild against the newest versions of everything sets it to nothing.
PIN ?= --constraint constraints.txt
# Commands are run by their interpreter, not by the first line of their script: that names a path, which
# may have spaces, quotes or a dollar sign. (Python makes no environment below a path with a colon.)
BIN := .venv/bin
RUN := $(BIN)/python -m
BOOK := $(BIN)/python $(BIN)/jupyter-book
# These look at the built site.
SITE_TESTS := $(addprefix tests/test_,$(addsuffix .py,book site site_pages try observe prose))

need_python = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "Python 3.11 or newer is needed: set PYTHON, e.g. make book PYTHON=python3.12"; exit 1; }

.PHONY: help install book colab study weights test test-unit test-notebooks test-book browser bench lint lint-check lock clean
help:
	@echo "make book   build the site (installs what it needs into .venv)"
	@echo "make colab  copy the chapters as plain notebooks into build/colab, as a release does"
	@echo "make study  measure what results/ lacks, check a sample of it, derive its tables"
	@echo "make weights  train the released networks anew, resumable"
	@echo "make test   run everything that continuous integration runs"
	@echo "make bench  measure speed and memory into results/benchmarks.json"
	@echo "make lint   format the code and report what ruff finds"
	@echo "make lock   write constraints.txt and environment.yml anew, from pyproject.toml"
	@echo "make clean  remove everything that was built, .venv included"

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt Makefile
	@$(need_python)
	$(PYTHON) -m venv .venv
	$(RUN) pip install --quiet $(PIN) --editable '.[$(EXTRAS)]'
	@# Reading MedMNIST needs none of its dependencies but those above; they would pull torchvision.
	$(RUN) pip install --quiet --no-deps $(PIN) medmnist
	@touch $@

book: .venv/installed
	$(BIN)/python tools/execute_notebooks.py
	$(BOOK) build --quiet -W --keep-going book/
	@echo "The book is ready: open $$PWD/book/_build/html/index.html"

colab: .venv/installed
	$(BIN)/python tools/colab_notebooks.py

# Skips what results/ has under the same protocol; what needs data that is not here stays as it is.
study: .venv/installed
	$(RUN) denoise_lib study run
	$(RUN) denoise_lib study examples
	$(RUN) denoise_lib study check
	$(RUN) denoise_lib study tables

# Trains the released networks anew: the search of their recipes, learning curves and seeds, then
# the best of each goes into the package. Days on a processor, a sitting on a GPU; stop it and
# start it again at will. Where there is a GPU, also with the budget of DnCNN's paper, and RDN at its
# paper's size; these stay in runs/.
weights: .venv/installed
	$(RUN) denoise_lib study run search trainings
	for network in vincent gondara dncnn-b liu rdn; do \
	  $(RUN) denoise_lib study release $$network-nih --best || exit 1; done
	$(RUN) denoise_lib train rdn-correlated --resume
	$(RUN) denoise_lib study release rdn-correlated --run runs/rdn-correlated
	@if $(BIN)/python -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then \
	  for plan in dncnn-b-paper rdn-paper; do \
	    $(RUN) denoise_lib train $$plan --resume || exit 1; done; \
	else echo "No GPU: the trainings with the papers' budgets are left out."; fi

test: lint-check test-unit test-notebooks test-book

lint-check: .venv/installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(BIN)/python tools/lint_pages.py
	$(RUN) pyright --pythonpath $(BIN)/python
	$(RUN) numpydoc lint $$(git ls-files 'denoise_lib/*.py')

test-unit: .venv/installed
	$(RUN) pytest tests $(SITE_TESTS:%=--ignore %)

# Each chapter, at its smallest budget: papermill sets the parameter, nbval executes the notebook
# and compares the cells marked NBVAL_CHECK_OUTPUT.
test-notebooks: .venv/installed
	rm -rf build/smoke && mkdir -p build/smoke
	for notebook in notebooks/*.ipynb; do \
	  $(RUN) papermill --prepare-only -p preset smoke $$notebook build/smoke/$${notebook##*/} \
	    2>build/smoke/papermill.log || { cat build/smoke/papermill.log; exit 1; }; \
	done
	$(RUN) pytest --nbval-lax --nbval-cell-timeout=600 build/smoke

test-book: .venv/installed browser
	$(BOOK) build --quiet -W --keep-going book/
	$(RUN) pytest $(SITE_TESTS)

# A browser for the tests of the site. Where none can be installed they are skipped, and fail if the
# environment variable CI is set.
browser:
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome; do \
	  command -v "$$name" >/dev/null 2>&1 && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing Chromium for the tests of the site"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "The tests of the site need a browser: install Chromium, or set CHROMIUM to the path of one."

# deepinv asks for torchvision, which the benchmark does not need (see benchmarks/rivals.py).
bench: .venv/installed
	$(RUN) pip install --quiet $(PIN) einops natsort torchmetrics
	$(RUN) pip install --quiet --no-deps $(PIN) deepinv
	$(BIN)/python benchmarks/run_benchmarks.py

lint: .venv/installed
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(BIN)/python tools/lint_pages.py --fix

# One file for every Python and system. Versions stay unless pyproject.toml asks for others;
# make lock UPGRADE='--upgrade-package numpy' takes a newer numpy, UPGRADE=--upgrade the newest of all.
UPGRADE ?=

lock:
	@$(need_python)
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet $(PIN) packaging uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group lock \
	  --annotation-style line --custom-compile-command "make lock" $(UPGRADE) \
	  --output-file constraints.txt pyproject.toml
	build/lock/bin/python tools/write_environment.py

clean:
	rm -rf .venv build book/_build
