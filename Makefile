# Heliograph. `make help` lists the targets; each sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help run test test-long fuzz check lint types docs dashboards screenshots tag lock clean bench-hot bench-pump bench-shipper bench-kafka-consumer bench-path bench-budget bench-views flame bench bench-compare bench-publish kafka chaos

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run ## set everything up and run it here: collector, consumer and store
	@$(BIN)/heliograph run $(ARGS)

test: $(VENV)/.dev ## set everything up and run the tests (ARGS="-m 'not slow'" for fewer)
	$(BIN)/pytest $(ARGS)

test-long: $(VENV)/.dev ## the tests that take minutes
	$(BIN)/pytest -m long --timeout 1800 $(ARGS)

fuzz: $(VENV)/.dev ## try the parsers of what comes from outside for long (PROFILE=long for less)
	$(BIN)/pytest tests/collector -m hypothesis --timeout 7200 --hypothesis-profile=$(or $(PROFILE),fuzz) $(ARGS)

check: lint types test ## what CI runs: lint, types, tests

lint: $(VENV)/.dev ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

docs: $(VENV)/.dev ## generate the reference pages and the JSON Schema
	$(BIN)/python -m deploy.reference

dashboards: $(VENV)/.dev ## write Grafana's dashboards, Prometheus' alerts and the page of panels
	$(BIN)/python -m deploy.grafana
	$(BIN)/python -m tests.deploy.grafana.page

screenshots: $(VENV)/.dev ## photograph the start page and the live page (needs Chromium)
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

tag: ## build the tag that pages load, collector/pages/px.js (needs Node.js)
	cd collector/tag && npm ci --no-audit --no-fund && npm test && npm run build

lock: $(VENV)/.dev ## pin the newest versions that pyproject.toml allows
	$(BIN)/python requirements/lock.py

clean: ## delete the environment and the caches, not ./data
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Heliograph needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

bench-hot: $(VENV)/.dev ## the hot path beside nginx and others (ARGS=--quick for a minute)
	$(BIN)/python -m bench.hot $(ARGS)

bench-pump: $(VENV)/.dev ## the consumer: a journal into the embedded store (ARGS=--quick)
	$(BIN)/python -m bench.pump $(ARGS)

bench-path: $(VENV)/.dev ## pixel to Kafka to a row, and ten minutes without Kafka (ARGS="--away 60")
	$(BIN)/python -m bench.path $(ARGS)

bench-budget: $(VENV)/.dev ## what a hit costs by stage, into docs/hot-path.md (ARGS=--quick, ARGS=--page)
	$(BIN)/python -m bench.budget $(ARGS)

bench-views: $(VENV)/.dev ## what the views of reports take on 100 million hits (ARGS="--hits 3000000")
	$(BIN)/python -m bench.views $(ARGS)

flame: $(VENV)/.dev ## a flame graph of the collector under load (ARGS="--alone --output x.svg")
	$(BIN)/python -m bench.flame $(ARGS)

bench: $(VENV)/.dev ## everything the bench measures, in a quarter of an hour (ARGS=--quick, ARGS="--only latency")
	$(BIN)/python -m bench $(ARGS)

bench-compare: $(VENV)/.dev ## is BASE=<revision> slower or faster? alternately, with its confidence (WHAT=pump)
	$(BIN)/python -m bench.compare $(BASE) $(if $(WHAT),--what $(WHAT)) $(ARGS)

bench-publish: $(VENV)/.dev ## make docs/performance.md and its pictures of the last full bench
	$(BIN)/python -m bench.report
	$(BIN)/python -m bench.forecast

kafka: $(VENV)/.dev ## run a real Apache Kafka here (BROKERS=3 for a cluster); Ctrl-C stops it
	$(BIN)/python -m deploy.kafka

bench-shipper: $(VENV)/.dev ## the shipper beside producer.send per hit, on a real broker (ARGS=--quick)
	$(BIN)/python -m bench.shipper $(ARGS)

bench-kafka-consumer: $(VENV)/.dev ## the consumer beside parse-and-insert, on a real broker (ARGS=--quick)
	$(BIN)/python -m bench.kafka_consumer $(ARGS)

chaos: $(VENV)/.dev ## break everything under load, by a seed (SEED=7 MINUTES=3 RUNS=10); needs a JDK, best as root
	$(BIN)/python -m tests.chaos.run $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RUNS),--runs $(RUNS))
