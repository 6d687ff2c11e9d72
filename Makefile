# Every target sets up what it needs, in .venv; nothing is installed outside it.
PYTHON ?= python3
VENV := .venv
# Windows sets OS.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
LOCK := tests/requirements.txt
BOARD_STUBS := $(VENV)/board-stubs
FUZZER := $(VENV)/.fuzzer
# One more than there are processors: tests wait for lines, screens and processes a fifth of their time.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN 2> /dev/null || nproc) + 1)
# A worker without tests takes some of another's: a long test at the end keeps nobody waiting.
PYTEST_FLAGS ?= --numprocesses $(WORKERS) --dist worksteal
# Without pip's own warnings; its errors are shown.
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check
# Where memory has room, the tests' files stand in it: their databases are flushed thousands of times, and a flush of some disks
# takes ten milliseconds.
MEMORY := $(shell df -Pk /dev/shm 2> /dev/null | awk 'NR == 2 && $$4 > 2000000 {print "/dev/shm"}')
PYTEST = $(if $(MEMORY),TMPDIR=$(MEMORY) )$(BIN)/python -m pytest $(PYTEST_FLAGS)
# The languages in which `make test-portal` walks; the other targets walk each procedure in one of them.
LANGUAGES ?= en,de,ru
# The markers of what `make test` leaves out; tests/tiers.py says what they mean.
COSTLY := postgresql or chromium or attack or long

# As a module, so that the site's own extension is found. A warning is an error: a link that leads nowhere, a page without a place.
SITE = $(BIN)/python -m zensical build --strict

# Python keeps what it has compiled: the tests start it hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo sim gateway-demo portal image flash unflash test test-rest test-all test-portal coverage check bench pentest reliability mutants release-check lock lowest docs docs-site format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dscplus needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	@printf 'Installing dscplus and its tools into $(VENV), which takes about a minute: '
	@began=$$(date +%s) && $(PYTHON) -m venv $(VENV) && $(INSTALL) --no-deps --require-hashes --requirement $(LOCK) && $(INSTALL) --no-deps --no-build-isolation --editable . && echo "done in $$(($$(date +%s) - began)) s."
	@touch $@

$(BOARD_STUBS): firmware/stubs.txt $(READY)
	@printf 'Installing the stubs of MicroPython, for the type check: '
	@$(INSTALL) --upgrade --no-deps --require-hashes --target $@ --requirement $< && echo done.
	@touch $@

setup: $(READY)  ## Make .venv and install everything into it

demo: $(READY)  ## Watch a login go through a card that runs the real firmware
	@$(BIN)/dscplus demo $(ARGS)

sim: $(READY)  ## See and press a card on your screen; ARGS="--profile work" and the like
	@$(BIN)/dscplus sim $(ARGS)

gateway-demo: $(READY)  ## Log in at other programs: a page behind nginx, and a shell
	@$(BIN)/dscplus gateway-demo $(ARGS)

portal: $(READY)  ## Open the login system's pages, with people, cards and phones to try
	@$(BIN)/dscplus portal --demo $(ARGS)

image: $(READY)  ## Make what a board gets, in dist; ARGS="--board pico2" for another board
	@$(BIN)/dscplus image $(ARGS)

flash: $(READY)  ## Put the firmware on a board: PORT=auto, BOARD=pico, DRY_RUN=yes
	@$(BIN)/dscplus flash $(if $(PORT),--card $(PORT)) $(if $(BOARD),--board $(BOARD)) $(if $(filter-out 0 no false,$(DRY_RUN)),--dry-run) $(ARGS)

unflash: $(READY)  ## Take the firmware off a board, and the card's key with it; asks first
	@$(BIN)/dscplus unflash $(if $(PORT),--card $(PORT)) $(if $(filter-out 0 no false,$(DRY_RUN)),--dry-run) $(ARGS)

test: $(READY)  ## Run the tests that show the product to work, in three minutes
	$(PYTEST) -m "not ($(COSTLY))"

test-rest: $(READY)  ## Run what `make test` leaves out: PostgreSQL, Chromium, attacks, long runs
	$(PYTEST) -m "$(COSTLY)"

test-all: $(READY)  ## Run all tests, in some ten minutes
	$(PYTEST)

coverage: $(READY)  ## Run all tests and print which part of the code they reach, by package
	$(if $(MEMORY),TMPDIR=$(MEMORY) )$(BIN)/python -m tests.coverage_by_package $(PYTEST_FLAGS)

test-portal: $(READY)  ## Walk every procedure of the login system in Chromium; LANGUAGES=de: in one language; PICTURES=folder: keep pictures
	$(PYTEST) tests/host/portal/chromium --languages $(LANGUAGES) $(if $(PICTURES),--pictures $(PICTURES))

check: $(READY) $(BOARD_STUBS)  ## Format, lint, types, layers, generated docs, the site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	MYPYPATH=$(BOARD_STUBS) $(BIN)/mypy --config-file firmware/mypy.ini --custom-typeshed-dir $(BOARD_STUBS)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m dsc_simulator.drawings.docs --check docs
	$(BIN)/python -m tests.statements --check
	$(BIN)/python -m tests.documentation.api_gaps
	$(BIN)/python -m tests.documentation.prose
	$(BIN)/codespell README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs firmware simulator host
	$(SITE)

bench: $(READY)  ## Measure speed, as ratios and instruction counts
	$(BIN)/python -m tests.benchmarks

pentest: $(READY)  ## Attack the login system in every way we know, and tell how often it was tried; ARGS=--quick: a part
	$(BIN)/python -m tests.pentest $(ARGS)

$(FUZZER): $(READY)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

reliability: $(READY) $(FUZZER)  ## Try every failure everywhere, and tell of it; takes the better part of an hour
	$(BIN)/python -m tests.reliability

mutants: $(READY)  ## Break firmware and host on purpose, and see the tests notice; ARGS="journal.py" for some of them
	$(BIN)/python -m tests.reliability.mutants $(ARGS)

release-check: $(READY)  ## Build the distributions, look into them, and try them in empty environments; publishes nothing
	$(BIN)/python -m tests.release

lock: $(READY)  ## Pin the packages of .venv anew; ARGS=--upgrade: the newest that pyproject.toml allows
	$(BIN)/python -m tests.lock $(ARGS)

lowest: $(READY)  ## Run the tests with the oldest packages that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --extra dev pyproject.toml --output-file $(VENV)/lowest.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/lowest
	$(BIN)/uv pip install --quiet --python $(VENV)/lowest --requirement $(VENV)/lowest.txt --editable .
	$(if $(MEMORY),TMPDIR=$(MEMORY) )$(VENV)/lowest/bin/python -m pytest $(PYTEST_FLAGS) -m "not ($(COSTLY))"

docs: $(READY)  ## Draw the pictures and tables in docs anew
	$(BIN)/python -m dsc_simulator.drawings.docs docs
	$(BIN)/python -m tests.statements
	$(BIN)/python -m tests.documentation.reference_pages

docs-site: $(READY)  ## Make the documentation as a site, in build/site
	$(SITE)
	@echo "Open build/site/index.html in a browser; no server is needed."

format: $(READY)  ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean:  ## Remove .venv and everything that can be made again
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache
