# Two commands do everything:  make course   and   make test
# Others:  make lab, lint, coverage, benchmarks, attacks, clean, fresh

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SET    := chern
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help course test lint coverage benchmarks attacks lab book grade release sample clean fresh

help:
	@echo "make course   set up, grade the sample class, build the book, say where both are"
	@echo "make test     set up, check style and types, run all tests"
	@echo "make lab      JupyterLab with problem set '$(SET)' and nbgrader's extensions"
	@echo "make attacks  what the attacks in tests/attacks do to nbgrader as it comes"
	@echo "make clean    remove the environment and what is built from the sources"
	@echo "make fresh    remove ALL submissions, grades and feedback, to begin with your own class"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 15) else \
		f"Python {v[0]}.{v[1]} found; expected 3.11 to 3.14: name one with  make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV), once; this takes a minute or two ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[book,grade,lab,cluster,postgres,dev]'
	@# It would ask whether to fetch news from another host.
	@$(BIN)/jupyter labextension disable --level=sys_prefix \
		'@jupyterlab/apputils-extension:announcements' >/dev/null 2>&1
	@touch $@

release: $(READY)
	@$(BIN)/coursekit source $(SET)

sample: release
	@$(BIN)/coursekit sample $(SET)

grade: sample
	@$(BIN)/coursekit grade $(SET)

book: $(READY)
	@$(BIN)/python book/build.py

course: grade book
	@echo
	@echo "The course is ready."
	@echo "  book        file://$(CURDIR)/book/_build/html/index.html"
	@echo "  grades      exercises/$(SET).csv, and exercises/gradebook.db for nbgrader"
	@echo "  report      exercises/report.$(SET).txt, a line for each student"
	@echo "  feedback    exercises/feedback/<student>/$(SET)/$(SET).html, as in"
	@echo "              file://$(CURDIR)/exercises/feedback/chidi/$(SET)/$(SET).html"
	@echo "  students'   exercises/release/$(SET)/$(SET).ipynb"
	@echo "  formgrader  make lab, then Nbgrader > Formgrader in the menu"

test: lint
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z | xargs -0 $(BIN)/codespell

coverage: $(READY)
	$(BIN)/python -m pytest --cov=coursekit --cov-report=term:skip-covered

benchmarks: $(READY)
	$(BIN)/python benchmarks/run.py $(if $(PEERS),--python $(PEERS))

# A table in Markdown; it takes a quarter of an hour.
attacks: $(READY)
	@$(BIN)/python tests/attacks/stock.py

lab: release
	@mkdir -p exercises/mine/$(SET)
	@cp -n exercises/release/$(SET)/$(SET).ipynb exercises/mine/$(SET)/ || true
	cd exercises && ../$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/mine/$(SET)/$(SET).ipynb \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

# What people made is not ours to delete: submissions, grades and students' copies stay.
clean:
	rm -rf $(VENV) build book/_build book/vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf exercises/source exercises/release

fresh:
	rm -rf exercises/submitted exercises/autograded exercises/feedback exercises/gradebook.db*
	rm -rf exercises/report.* exercises/$(SET).csv
