# Each target is one `python -m …` line, behind an environment that make sets up by itself (.venv, with
# the packages of requirements.lock). The README shows the lines, for systems without make.

.DEFAULT_GOAL := help
.PHONY: help tcp-server tcp-client udp-server udp-client compare test lint check diff doctor docs clean

# Only what stands on make's command line counts: conda exports a HOST, some shells and services a PORT.
HOST := $(if $(filter command line,$(origin HOST)),$(HOST))
PORT := $(if $(filter command line,$(origin PORT)),$(PORT))
NICK := $(if $(filter command line,$(origin NICK)),$(NICK))
ARGS ?=

VENV ?= .venv
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
RUN := @$(BIN)/python -m

quoted = '$(subst ','\'',$(1))'
AT := $(if $(HOST),--host=$(call quoted,$(HOST))) $(if $(PORT),--port=$(call quoted,$(PORT)))
AS := $(if $(NICK),--nick=$(call quoted,$(NICK)))

help:  ## this list
	@echo 'make TARGET [HOST=…] [PORT=…] [NICK=…] [ARGS="further options"]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

tcp-server: $(READY)  ## the chat server over TCP          (HOST= PORT=, ARGS=--trace shows every message)
	$(RUN) tcp.server $(AT) $(ARGS)

tcp-client: $(READY)  ## a client of it                    (HOST= PORT= NICK=)
	$(RUN) tcp.client $(AT) $(AS) $(ARGS)

udp-server: $(READY)  ## the chat server over UDP          (HOST= PORT=, ARGS=--trace shows every message)
	$(RUN) udp.server $(AT) $(ARGS)

udp-client: $(READY)  ## a client of it                    (HOST= PORT= NICK=)
	$(RUN) udp.client $(AT) $(AS) $(ARGS)

compare: $(READY)  ## measure both: reliability, latency, cost  (ARGS="--members 50 --rate 400")
	$(RUN) benchmarks.compare $(ARGS)

test: $(READY)  ## the tests                         (ARGS="-k framing")
	$(RUN) pytest $(ARGS)

lint: $(READY)  ## ruff and mypy
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

check: lint test  ## ruff, mypy and the tests

diff: $(READY)  ## the TCP and the UDP text side by side  (ARGS=server or ARGS=client)
	$(RUN) benchmarks.side_by_side $(ARGS)

doctor: $(READY)  ## can this machine run the lab?     (HOST= PORT=: can it reach that one?)
	$(RUN) benchmarks.doctor $(AT) $(ARGS)

docs: $(READY)  ## make the picture in the README again
	$(RUN) benchmarks.picture $(ARGS)

clean:  ## remove what make has made (not your results)
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found: install one, or name it with PYTHON=/path/to/python."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): once, about half a minute."
	@$(PYTHON) -m venv --clear $(VENV) || { echo "This Python can't make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
		|| { echo "The packages of requirements.lock could not be installed: is there a network? (A proxy: set HTTPS_PROXY.)"; exit 1; }
	@touch $@
