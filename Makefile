# The two commands of a new user are `make conformance` and `make test`; each sets up what it needs.
# A recipe that runs for long replaces its shell (exec), so that a killed make takes the run with it.

PYTHON_BIN := .venv/bin/python
SUT ?= suts/lab.yaml
PROFILE ?= quick
REPORTS ?= reports
N ?= 10
RUN_OPTIONS ?=
DEFECT_OPTIONS ?=
BENCHMARK_OPTIONS ?=

.PHONY: help setup check test conformance soak defects benchmark clean

help:
	@echo "make conformance   put the embedded system up, upgrade it under traffic, report (reports/report.html)"
	@echo "make test          all tests of the suite itself, those in network namespaces included"
	@echo "make check         lint, types, import rules, unit tests without processes and namespaces"
	@echo "make soak N=10     the conformance run N times in a row, with a table"
	@echo "make defects       every seeded defect, and who killed what (an hour; can be interrupted and resumed)"
	@echo "make benchmark     how fast generator and analysis are, beside other tools, and how exact (half an hour; docs/benchmarks.md)"
	@echo "make setup         what all of them need: system packages, virtual environment, report generator"

setup:
	@tools/setup.sh

check: setup
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	$(PYTHON_BIN) -m mypy
	.venv/bin/lint-imports
	$(PYTHON_BIN) -m pytest -q -n 2 -m "not processes and not namespaces and not live and not stored" tests

test: setup
	exec $(PYTHON_BIN) -m pytest tests

conformance: setup
	exec $(PYTHON_BIN) -m lab run --logs $(REPORTS)/logs -- $(PYTHON_BIN) -m hitless run --sut $(SUT) --profile $(PROFILE) --reports $(REPORTS) $(RUN_OPTIONS)

soak: setup
	exec $(PYTHON_BIN) tools/soak.py --runs $(N) --sut $(SUT) --profile $(PROFILE) --reports $(REPORTS)/soak

# DEFECT_OPTIONS="--all" judges every requirement under every defect, "--only NAME" runs one, "--again" all anew.
defects: setup
	exec $(PYTHON_BIN) tools/defects.py --sut $(SUT) --profile $(PROFILE) --reports $(REPORTS)/defects $(DEFECT_OPTIONS)

# BENCHMARK_OPTIONS="--short" takes a few minutes, "--only analysis exactness" needs no other tools. The rest
# needs: apt install netsniff-ng tcpreplay iperf3 tcpdump tshark (not done by setup). docs/benchmarks.md
benchmark: setup
	exec $(PYTHON_BIN) -m benchmarks $(BENCHMARK_OPTIONS)

clean:
	rm -rf reports .venv tools/allure/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
