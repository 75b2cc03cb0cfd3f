# run · test · check · bench · vendor. Needs python3 (3.11 or later) with pip, and make.

PYTHON ?= python3
ARGS ?=
VENV := .venv
CLIENTS := .venv-clients
UV := .tools/bin/uv
PY := $(VENV)/bin/python
# Of tests: many wait for what they started. Four at most.
PROCESSES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# The machine's own Python is used; none is fetched.
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check bench vendor install install-dev chromium
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@exec $(PY) manage.py serve

test: $(VENV)/.installed-dev $(CLIENTS)/.installed chromium
	@exec $(PY) -m pytest -n $(PROCESSES) --maxprocesses 4 --dist loadfile $(ARGS)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	find templates -name '*.html' -print0 | xargs -0 $(VENV)/bin/djade --check --target-version 5.2
	$(VENV)/bin/mypy .
	$(PY) -W ignore manage.py makemigrations --check --dry-run
	@schema=$$(mktemp) && trap 'rm -f "$$schema"' EXIT \
	  && $(PY) manage.py spectacular --file "$$schema" && diff -u docs/openapi.yaml "$$schema" \
	  || { echo "docs/openapi.yaml is not current: manage.py spectacular --file docs/openapi.yaml"; exit 1; }
	$(PY) -m pytest -q tests/test_layout.py

bench: $(VENV)/.installed-dev
	@exec $(PY) -m tests.benchmarks $(ARGS)

vendor: $(VENV)/.installed
	$(PY) static/vendor/build.py

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev $(CLIENTS)/.installed

# Debian refuses `pip install` into its own Python and may lack ensurepip, so pip only fetches uv,
# beside the project, and uv makes the environment.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name one: make PYTHON=/path/to/python3 …"; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 \
	  || { echo "pip is needed: apt-get install python3-pip (as root)"; exit 1; }
	$(PYTHON) -m pip install --quiet --no-warn-script-location --target .tools 'uv>=0.9,<1'

$(PY): | $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV)

$(VENV)/.installed: requirements.txt | $(PY) $(UV)
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed | $(PY) $(UV)
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@

# The real clients that the contract tests run, apart from what Assay itself needs.
$(CLIENTS)/.installed: requirements-clients.txt | $(PY) $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(CLIENTS)
	$(UV) pip install --quiet --python $(CLIENTS)/bin/python --require-hashes -r requirements-clients.txt
	@touch $@

# The browser tests drive Debian's Chromium; without it they are skipped and say so.
chromium:
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "No Chromium: the browser tests are skipped. Install it as root: apt-get install chromium"; fi
