# `make demo` shows the program at work, `make test` checks everything. Needs make and Python 3.11 or later with venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
DEMO ?= demo
ROWS ?= 300000
JOBS ?= 2
MINUTES ?= 4
KILLS ?= 200
FLIPS ?= 500
SBOM ?= dist/tamscore.cdx.json
DATABASE ?= advisory-database

BIN := .venv/bin
BESIDE := .venv-peers .venv-platform .venv-airflow .venv-spark .venv-lowest .venv-plain .venv-site
CODE := $(wildcard src tests bench)
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# Modules compiled anew at every start would cost more than many a command itself.
unexport PYTHONDONTWRITEBYTECODE

say = @printf '\n== %s\n' $(1)

# uv installs in a fraction of pip's time; where it cannot be had, or cannot reach the packages, pip does the same.
define install
	if $(BIN)/uv pip install --quiet --python $(1)/bin/python $(3) --require-hashes -r $(2); then :; else \
		echo 'uv did not serve: installing with pip'; \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2); \
	fi
endef

.PHONY: help demo test lint types layers pytest test-platform references docs cubins format lock fuzz kills flips sbom advisories bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

.venv: .venv/.complete ## Create or renew the environment from the hashed lock

.venv/.complete: pyproject.toml locks/bootstrap.txt locks/dev.txt
	$(call say,'environment: .venv')
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/bootstrap.txt
	$(call install,.venv,locks/dev.txt,--compile-bytecode)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.complete ## Make a market of 300,000 companies, score it, show the result
	$(call say,'demo: a market of $(ROWS) companies in $(DEMO)/')
	test -f $(DEMO)/job.toml || $(BIN)/tamscore synth $(DEMO) --rows $(ROWS)
	$(call say,'demo: score it')
	$(BIN)/tamscore run $(DEMO)/job.toml
	$(call say,'demo: the result')
	$(BIN)/tamscore show $(DEMO)/scores
	$(call say,'demo: who covers whom and the lists to work from')
	$(BIN)/tamscore coverage $(DEMO)/scores > $(DEMO)/coverage.txt
	$(BIN)/tamscore lists $(DEMO)/scores --to $(DEMO)/lists
	$(call say,'the scores lie in $(DEMO)/scores and the lists in $(DEMO)/lists/index.html')

test: lint types layers pytest ## Check everything: style, types, import layers, tests

lint: .venv/.complete ## Check style, formatting and English
	$(call say,'lint: ruff')
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/style.py

types: .venv/.complete ## Check types
	$(call say,'types: mypy')
	$(BIN)/mypy $(CODE)

layers: .venv/.complete ## Check that imports follow the layers
	$(call say,'layers: import-linter')
	$(BIN)/lint-imports

pytest: .venv/.complete ## Run the tests, JOBS at a time
	$(call say,'tests: pytest')
	$(BIN)/pytest -n $(JOBS) -m 'not gpu and not platform'

test-platform: .venv/.complete .venv-platform .venv-airflow .venv-spark .venv-lowest .venv-plain .venv-site ## Check what needs Debian packages or other environments; says what is missing
	$(call say,'tests: platform')
	@missing=$$(tests/platform/missing.sh | xargs); \
	if [ -n "$$missing" ]; then echo "apt-get install --no-install-recommends $$missing"; exit 2; fi
	$(BIN)/pytest tests/platform -m platform

references: .venv/.complete ## Renew the pages that scripts write: job file, commands, Python, messages, scores, JSON, benchmarks
	$(BIN)/python docs/job_file.py > docs/job_file.md
	$(BIN)/python docs/score_columns.py > docs/score_columns.md
	$(BIN)/python docs/json_outputs.py > docs/json_outputs.md
	$(BIN)/python docs/performance.py > docs/performance.md
	$(BIN)/python docs/command_line.py > docs/command_line.md
	$(BIN)/python docs/messages.py > docs/messages.md
	$(BIN)/python docs/python_api.py > docs/python_api.md
	$(BIN)/python docs/architecture.py

docs: references .venv-site ## Renew these pages, and build the documentation as a site in build/site
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build --strict

cubins: .venv/.complete ## Compile the CUDA kernels, which a wheel then takes along; needs no GPU
	$(BIN)/python -m tamscore.backend.cubins

format: .venv/.complete ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Renew the hashed locks from pyproject.toml
	@test -x $(BIN)/uv || { echo 'uv is needed: make .venv'; exit 2; }
	$(BIN)/uv --version
	$(LOCK) pyproject.toml --extra object-storage --output-file locks/run.txt
	for extra in gpu-cu12 gpu-cu13 rapids-cu12 rapids-cu13; do \
		$(LOCK) --prerelease disallow pyproject.toml --extra object-storage --extra $$extra --output-file locks/$$extra.txt || exit; \
	done
	$(LOCK) pyproject.toml --extra dev --extra report --extra object-storage --extra lakehouse --extra excel --extra sql --group build --output-file locks/dev.txt
	$(LOCK) --group build --output-file locks/build.txt
	$(LOCK) --group bootstrap --output-file locks/bootstrap.txt
	$(LOCK) --group peers --output-file locks/peers.txt
	$(LOCK) --group platform --output-file locks/platform.txt
	$(LOCK) --group airflow --output-file locks/airflow.txt
	$(LOCK) --group spark --output-file locks/spark.txt
	$(LOCK) --group site --output-file locks/site.txt
	$(LOCK) --resolution lowest-direct pyproject.toml --extra report --output-file locks/lowest.txt
	$(LOCK) --group plain --output-file locks/plain.txt

fuzz: .venv/.complete ## Check spoilt job files, inputs and models for MINUTES
	$(call say,'fuzz: $(MINUTES) minutes')
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

kills: .venv/.complete ## Kill every command that writes at random instants, KILLS times
	$(call say,'kills: $(KILLS)')
	$(BIN)/python -m tests.fuzz.kills --kills $(KILLS)

flips: .venv/.complete ## Flip single bits of what an output holds, FLIPS times, and ask every reader
	$(call say,'flips: $(FLIPS)')
	$(BIN)/python -m tests.fuzz.flips --flips $(FLIPS)

sbom: .venv/.complete ## Write the software bill of materials (CycloneDX)
	@mkdir -p $(dir $(SBOM))
	$(BIN)/python locks/sbom.py > $(SBOM)

$(BESIDE): %: %/.complete ## Create or renew an environment beside

$(BESIDE:%=%/.complete): .venv-%/.complete: .venv/.complete locks/%.txt
	$(call say,'environment: .venv-$*')
	$(PYTHON) -m venv --clear .venv-$*
	$(call install,.venv-$*,locks/$*.txt)
	@touch $@

advisories: .venv/.complete ## Compare the locks with a copy of the advisory database in DATABASE
	$(BIN)/python locks/advisories.py $(DATABASE)

bench: .venv/.complete .venv-peers ## Run the benchmarks, about a quarter of an hour on two cores
	$(call say,'benchmarks')
	$(BIN)/python -m bench all

clean: ## Remove the environment, the demo and every cache
	rm -rf .venv $(BESIDE) $(DEMO) build dist .coverage .coverage.* htmlcov dask-scratch-space \
		src/tamscore/backend/cubins .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +
