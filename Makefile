# AutoBot. Needs Python >= 3.11 and make; everything else is set up below .venv and .tools in this folder.
.DEFAULT_GOAL := help
.PHONY: help run setup test check format bench bench-peers soak clean
MAKEFLAGS += --no-print-directory
export AUTOBOT_PYTHON
PYTHON = $$(tools/python.sh)
ARGS ?=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

run: ## set up what is missing and start AutoBot on 127.0.0.1:8001 (ARGS="--port 9000" and the like)
	@python=$(PYTHON) && exec $$python -m tools.run $(ARGS)

setup: ## everything that `make test` needs, without running a test
	@python=$(PYTHON) && exec $$python -m tools.test --setup-only

test: ## set-up, every check, every test
	@python=$(PYTHON) && exec $$python -m tools.test $(ARGS)

check: ## lint, types, import rules, schema and web checks; under a minute
	@python=$(PYTHON) && exec $$python -m tools.check $(ARGS)

format: ## put code into its standard form
	@.venv/bin/ruff check --fix-only --quiet src tests tools bench; .venv/bin/ruff format --quiet src tests tools bench

bench: ## our figures beside the floor and cheap peers (up to 5 minutes)
	@python=$(PYTHON) && exec $$python -m tools.launch bench/run.py $(ARGS)

bench-peers: ## heavy peers, in throw-away environments
	@python=$(PYTHON) && exec $$python -m tools.launch bench/peers.py $(ARGS)

soak: ## faults under load, by plan: FAULTS=1000 SEED=… MODE=embedded|postgres|scaled|store…
	@python=$(PYTHON) && exec $$python -m tools.launch tests/faults/soak.py $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(if $(MODE),--mode $(MODE)) $(ARGS)

clean: ## remove build output and caches; keeps .venv, .tools and all data
	@rm -rf web/dist web/dist.next .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .tools/stamps .tools/reports
