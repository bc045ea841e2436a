# `make demo` and `make test` set up what they need and skip what is there; see .ci/setup.sh.

# The interpreter that .venv is made from.
PYTHON ?= python3
# Of imaging, native and cli together, lines and branches, in per cent.
COVERAGE_FLOOR ?= 90
PYTEST_ARGS ?=
FAULTS_ARGS ?=
RELEASE_ARGS ?=
# In which releases of Debian `make release-check` installs the wheel; needs root.
SUITES ?= bookworm trixie forky
# What other machines it emulates, for the wheel of each; needs root, and qemu-user-static.
MACHINES ?= aarch64
# How long `make fuzz` takes, all parsers together.
MINUTES ?= 10
# What `make tour` runs: all pages unless told otherwise.
PAGES ?=
# How often `make kills` kills each command.
KILLS ?= 50
# The release of Debian whose packages `make debian` builds.
SUITE ?= trixie
# What `make formats` puts the disks of tests into, as qemu-img calls it, and the tests that hold for them.
FORMATS ?= qcow2 vhdx vpc vmdk vdi
FORMATS_TESTS := tests/cli/disk tests/cli/registry tests/imaging/boot tests/imaging/deploy tests/imaging/tasksequence

BIN := .venv/bin
# A worker takes what the other has left, from the end: fixtures of a module are made once, and both end at once.
PYTEST := $(BIN)/pytest --numprocesses=auto --dist=worksteal
SCRIPTS := .ci/run .ci/setup.sh .ci/demo.sh .ci/demo-boot.sh .ci/sanitize.sh .ci/races.sh .ci/site.sh .ci/debian.sh \
    .ci/recipes.sh .ci/container.sh packaging/debian/tests/deploy packaging/debian/tests/library
# mkntfs, sfdisk and others are in folders that an ordinary user's PATH lacks on Debian.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
export PYTHON

.DEFAULT_GOAL := help
.PHONY: api bench bench-record clean container debian demo fast faults formats fuzz help kills lint matrix picture quick races recipes release release-check sanitize setup setup-run site test tour wheel wimlib

help: ## Show these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-run ## Capture a folder, apply it again, prove that nothing changed, and start a disk
	@.ci/demo.sh

test: lint ## Run the linters and every test against the built wheel, with coverage
	$(PYTEST) --slow-marks --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR) $(PYTEST_ARGS)

quick: ## Run the linters and the tests that are fast and need no other programs, in a minute
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lint fast

fast: setup
	$(PYTEST) --slow-marks -m "not foreign and not slow" $(PYTEST_ARGS)

faults: setup ## Let every call of every command that writes fail, and judge what is there then (FAULTS_ARGS=--help)
	cd tests && ../$(BIN)/python -m runs.fault_matrix --jobs "$$(nproc)" $(FAULTS_ARGS)

kills: setup ## Kill commands that write at moments of chance, KILLS (50) times each
	OSDIMAGE_KILLS=$(KILLS) $(PYTEST) -m '' $$(grep -rl 'import KILLS' tests) $(PYTEST_ARGS)

matrix: setup ## Run the tests of many cases: new NTFS volumes of every geometry, files of 4 GiB, kills between any two writes
	$(PYTEST) -m matrix $(PYTEST_ARGS)

formats: setup ## Run tests of disks once for each FORMATS, with their disks in the files of virtual machines
	@set -e; for format in $(FORMATS); do \
		OSDIMAGE_DISK_FORMAT=$$format $(PYTEST) -m "not matrix" $(FORMATS_TESTS) $(PYTEST_ARGS); done

wimlib: setup ## Run wimlib's own tests with osdimage in the place of wimlib-imagex; WIMLIB is a source tree of wimlib
	@: $${WIMLIB:?"say where a built source tree of wimlib is: make wimlib WIMLIB=DIR"}
	$(PYTEST) tests/matrices/wimlib_suite.py $(PYTEST_ARGS)

sanitize: setup ## Run the tests of the C parts, which are built for it with sanitizers of memory and of undefined behaviour
	@.ci/sanitize.sh $(PYTEST_ARGS)

races: setup ## Run the threads of the C parts over WIMs of each kind, with a sanitizer of races
	@.ci/races.sh

fuzz: setup ## Give every parser bytes that nobody meant, for MINUTES (10); needs Atheris, which it installs
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet "$$(ls dist/osdimage-*.whl)[fuzz]"
	@PYTHONPATH=tests $(BIN)/python -m fuzz --minutes $(MINUTES)

tour: setup ## Run the commands of README and docs/ (or PAGES), and compare what they print with what is shown
	@$(BIN)/python .ci/tour.py $(PAGES)

picture: setup ## Record docs/pictures/terminal.svg anew, which README and the site show
	@$(BIN)/python -c 'import pyte' 2>/dev/null || $(BIN)/pip install --quiet "$$(ls dist/osdimage-*.whl)[docs]"
	@$(BIN)/python .ci/picture.py

site: setup ## Make the documentation site in build/site
	@.ci/site.sh

api: setup ## Write down the public interface of the library anew, in docs/library/api.txt (SINCE=v1.2.3: tell what breaks programs)
	@$(BIN)/python .ci/api.py $(if $(SINCE),--since $(SINCE))

container: setup-run ## Build the container of packaging/container from what `make release` made, and try it; by hand, as root
	@.ci/container.sh

debian: setup-run ## Build the packages of Debian SUITE (trixie) in dist/debian, and try them, in systems that are thrown away
	@.ci/debian.sh $(SUITE)

recipes: ## Read the recipes for packages of Fedora and Arch with the programs of their builders
	@.ci/recipes.sh

release: ## Make wheels with libwim and libntfs-3g inside, and the source distribution, in dist/release (RELEASE_ARGS=--help)
	@$(PYTHON) packaging/wheel/release.py $(RELEASE_ARGS)

release-check: setup ## Judge dist/release: made again, in each Python, and in a new Debian of each of SUITES, where it deploys
	OSDIMAGE_RELEASE=dist/release OSDIMAGE_SUITES="$(SUITES)" OSDIMAGE_MACHINES="$(MACHINES)" \
		$(PYTEST) tests/release/test_wheels*.py $(PYTEST_ARGS)

lint: setup ## Run ruff, mypy --strict, pyright on the examples, and shellcheck
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict -p osdimage
	MYPYPATH=tests $(BIN)/mypy --strict benchmarks
	$(BIN)/mypy --strict docs/examples
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	MYPYPATH=.ci:tests $(BIN)/mypy --strict -m tour -m picture -p touring -p picturing
	MYPYPATH=.ci $(BIN)/mypy --strict .ci/manual.py .ci/api.py .ci/faces.py .ci/site_check.py
	$(BIN)/mypy --strict packaging/wheel
	shellcheck $(SCRIPTS)

bench: setup ## Run every benchmark; results go to benchmarks/results
	@set -e; for script in $$(find benchmarks -name 'bench_*.py' | sort); do \
		echo "$$script"; $(BIN)/python "$$script"; done

bench-record: ## Copy the results of make bench to docs/benchmarks, where the site takes its plots from
	@$(PYTHON) benchmarks/record.py

wheel: setup-run ## Build the wheel and the source distribution into dist
	@ls dist/osdimage-*

setup: ## Install everything that the tests need, and the package into .venv
	@.ci/setup.sh test

setup-run: # Install what osdimage itself needs
	@.ci/setup.sh run

clean: ## Remove what these commands made
	rm -rf .venv build dist osdimage.egg-info benchmarks/results .coverage .coverage.*
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
