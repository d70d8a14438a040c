# Each target is one `python -m …` line, behind an environment that make sets up by itself (.venv, with
# the packages of requirements.lock). The README shows the lines, for systems without make.

.DEFAULT_GOAL := help
.PHONY: help tcp-server tcp-client udp-server udp-client link link-join link-set accuracy compare report reproduce bench
.PHONY: experiments experiment labbook demo test lint check fuzz torture diff doctor docs clean

# Only what stands on make's command line counts: conda exports a HOST, some shells and services a PORT.
HOST := $(if $(filter command line,$(origin HOST)),$(HOST))
PORT := $(if $(filter command line,$(origin PORT)),$(PORT))
NICK := $(if $(filter command line,$(origin NICK)),$(NICK))
RUN := $(if $(filter command line,$(origin RUN)),$(RUN))
NAME := $(if $(filter command line,$(origin NAME)),$(NAME))
ARGS := $(if $(filter command line,$(origin ARGS)),$(ARGS))
IMPAIRMENTS := PROFILE DELAY LOSS DUPLICATE REORDER CORRUPT RATE OUTAGE UP DOWN
$(foreach name,$(IMPAIRMENTS) SEED PCAP,$(eval $(name) := $(if $(filter command line,$(origin $(name))),$($(name)))))

VENV ?= .venv
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
FUZZ_READY := $(VENV)/fuzz/.ready
PYTHON_M := @$(BIN)/python -m

quoted = '$(subst ','\'',$(1))'
AT := $(if $(HOST),--host=$(call quoted,$(HOST))) $(if $(PORT),--port=$(call quoted,$(PORT)))
AS := $(if $(NICK),--nick=$(call quoted,$(NICK)))
SEEDED := $(if $(SEED),--seed=$(call quoted,$(SEED)))
MORE := $(SEEDED) $(if $(PCAP),--pcap=$(call quoted,$(PCAP)))
lower = $(shell echo $(1) | tr A-Z a-z)
# make link LOSS=5% DELAY="20ms 5ms": each is an option with the same name, and a word of `make compare`'s link.
LINK := $(foreach name,$(IMPAIRMENTS),$(if $($(name)),--$(call lower,$(name)) $(call quoted,$($(name)))))
WORDS := $(strip $(foreach name,$(filter-out PROFILE UP DOWN,$(IMPAIRMENTS)),$(if $($(name)),$(call lower,$(name)) $($(name)))))
ONE := $(if $(PROFILE),--profiles=$(call quoted,$(PROFILE))) $(if $(WORDS),--link=$(call quoted,$(WORDS))) \
	$(if $(UP),--up=$(call quoted,$(UP))) $(if $(DOWN),--down=$(call quoted,$(DOWN)))

# A misspelt name would be ignored without a word, and the network be perfect.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out HOST PORT NICK RUN NAME ARGS SEED PCAP VENV PYTHON MAKEFLAGS MAKEOVERRIDES -%- $(IMPAIRMENTS),$(GIVEN))
$(if $(strip $(UNKNOWN)),$(error There is no $(firstword $(UNKNOWN))= here: there are HOST PORT NICK RUN NAME ARGS SEED PCAP $(IMPAIRMENTS)))
TARGETS := $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))
STRANGE := $(filter-out $(TARGETS) $(READY),$(MAKECMDGOALS))
$(if $(strip $(STRANGE)),$(error There is no target $(firstword $(STRANGE)): make help lists them. Put quotes round a value with spaces: DELAY="20ms 5ms"))

help:  ## this list
	@echo 'make TARGET [NAME=value …] [ARGS="further options"]      (what is in parentheses goes with it)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

tcp-server: $(READY)  ## the chat server over TCP          (HOST= PORT=, ARGS=--trace shows every message)
	$(PYTHON_M) tcp.server $(AT) $(ARGS)

tcp-client: $(READY)  ## a client of it                    (HOST= PORT= NICK=)
	$(PYTHON_M) tcp.client $(AT) $(AS) $(ARGS)

udp-server: $(READY)  ## the chat server over UDP          (HOST= PORT=, ARGS=--trace shows every message)
	$(PYTHON_M) udp.server $(AT) $(ARGS)

udp-client: $(READY)  ## a client of it                    (HOST= PORT= NICK=)
	$(PYTHON_M) udp.client $(AT) $(AS) $(ARGS)

link: $(READY)  ## a shell across a bad network      (LOSS=5% DELAY=20ms PROFILE=wifi UP="rate 1mbit" …)
	$(PYTHON_M) benchmarks.link $(LINK) $(MORE) $(ARGS)

link-join: $(READY)  ## another terminal in the same link
	$(PYTHON_M) benchmarks.link --join $(ARGS)

link-set: $(READY)  ## change the link while it runs     (LOSS=20%)
	$(PYTHON_M) benchmarks.link --set $(LINK) $(ARGS)

accuracy: $(READY)  ## how exact is the link on this machine?
	$(PYTHON_M) benchmarks.link.accuracy $(ARGS)

compare: $(READY)  ## measure both over five networks: who loses what, who is late  (ARGS=--quick, LOSS=5% DELAY=20ms)
	$(PYTHON_M) benchmarks.compare $(ONE) $(MORE) $(ARGS)

bench: $(READY)  ## beside other servers: is each figure reached?  (ARGS=--quick, ARGS="--only latency,cost")
	$(PYTHON_M) benchmarks.bench $(ARGS)

experiments: $(READY)  ## the experiments: what each asks, and how long it takes
	$(PYTHON_M) benchmarks.experiments $(ARGS)

experiment: $(READY)  ## make one: predict, measure, compare  (NAME=loss, ARGS=--quick)
	$(PYTHON_M) benchmarks.experiments $(if $(NAME),$(call quoted,$(NAME)),$(error Say which: make experiment NAME=loss. make experiments lists them)) $(SEEDED) $(ARGS)

labbook: $(READY)  ## make all of them, into one report; goes on where it was interrupted  (ARGS=--quick)
	$(PYTHON_M) benchmarks.labbook $(SEEDED) $(ARGS)

demo: $(READY)  ## a conversation over both, side by side, while the network goes bad  (ARGS="--act 2")
	$(PYTHON_M) benchmarks.demo $(SEEDED) $(ARGS)

report: $(READY)  ## open the newest report, or RUN's
	$(PYTHON_M) benchmarks.report $(if $(RUN),$(call quoted,$(RUN))) $(ARGS)

reproduce: $(READY)  ## measure again what RUN measured, and say what differs
	$(PYTHON_M) benchmarks.reproduce $(if $(RUN),$(call quoted,$(RUN))) $(ARGS)

test: $(READY)  ## the tests                         (ARGS="-k framing")
	$(PYTHON_M) pytest $(ARGS)

lint: $(READY)  ## ruff and mypy
	$(PYTHON_M) ruff check .
	$(PYTHON_M) ruff format --check .
	$(PYTHON_M) mypy

check: lint test  ## ruff, mypy and the tests

fuzz: $(FUZZ_READY)  ## look for bytes that the decoder can't take  (ARGS="--seconds 10", SEED=)
	$(PYTHON_M) benchmarks.fuzz $(if $(SEED),--seed=$(call quoted,$(SEED))) $(ARGS)

torture: $(READY)  ## ten converse, all others do what they should not: 5 minutes  (ARGS="--minutes 1", SEED=)
	$(PYTHON_M) benchmarks.torture $(if $(SEED),--seed=$(call quoted,$(SEED))) $(ARGS)

diff: $(READY)  ## the TCP and the UDP text side by side  (ARGS=server or ARGS=client)
	$(PYTHON_M) benchmarks.side_by_side $(ARGS)

doctor: $(READY)  ## can this machine run the lab?     (HOST= PORT=: can it reach that one?)
	$(PYTHON_M) benchmarks.doctor $(AT) $(ARGS)

docs: $(READY)  ## make again what the pages show: pictures and output
	$(PYTHON_M) benchmarks.docs $(ARGS)

clean:  ## remove what make has made (not your results)
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock
	@test ! -L $(VENV) || { echo "$(VENV) is a link to somebody's environment, and would be emptied: remove the link."; exit 1; }
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found: install one, or name it with PYTHON=/path/to/python."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): once, about half a minute." >&2
	@$(PYTHON) -m venv --clear $(VENV) || { echo "This Python can't make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
		|| { echo "The packages of requirements.lock could not be installed: is there a network? (A proxy: set HTTPS_PROXY.)"; exit 1; }
	@touch $@

# A folder of its own: its wheels exist for few systems, and nothing else needs it.
$(FUZZ_READY): benchmarks/fuzz/requirements.lock $(READY)
	@rm -rf $(VENV)/fuzz
	@echo "Fetching atheris, which does the search: once, 35 MB."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		--target $(VENV)/fuzz -r benchmarks/fuzz/requirements.lock \
		|| { echo "atheris could not be installed. It exists for Linux on x86_64 with Python 3.11 to 3.13 (make clean; make fuzz PYTHON=python3.13). Is it that? Then: is there a network?"; exit 2; }
	@touch $@
