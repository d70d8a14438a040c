# Each target is one `python -m …` line, in an environment that is set up at its first use: common/set_up.py makes .venv
# with what the target needs (chats, comparison, development) and then starts the line. The README shows the lines,
# for systems without make.

.DEFAULT_GOAL := help
.PHONY: help tcp-server tcp-client udp-server udp-client link link-join link-set accuracy compare report reproduce bench
.PHONY: experiments experiment labbook demo test lint check fuzz torture diff doctor docs clean

ifneq ($(shell echo ""),)  # cmd shows the quotes
$(error make needs a POSIX shell (sh), and there is none here: on Windows run it in Git Bash, or without make: README.md, What make does)
endif

# --- what can be said on make's command line -------------------------------------------------------

IMPAIRMENTS := PROFILE DELAY LOSS DUPLICATE REORDER CORRUPT RATE OUTAGE UP DOWN
NAMES := HOST PORT NICK RUN NAME ARGS SEED PCAP VENV PYTHON INDEX $(IMPAIRMENTS)
# Only what stands there counts: conda exports a HOST, some shells and services a PORT.
GIVEN := $(foreach name,$(NAMES),$(if $(filter command line,$(origin $(name))),$(name)))

define newline


endef
$(foreach name,$(GIVEN),$(if $(findstring $(newline),$(value $(name))),$(error $(name)= has more than one line: give it one)))

# Else make would expand them once more, for the environment of what it starts: NICK='$(shell …)' would be run.
unexport $(NAMES)

# What each target takes. A name that it does not use would be ignored, and what was measured be something else.
SERVER_TAKES := HOST PORT ARGS
TAKES.tcp-server := $(SERVER_TAKES)
TAKES.udp-server := $(SERVER_TAKES)
TAKES.tcp-client := $(SERVER_TAKES) NICK
TAKES.udp-client := $(SERVER_TAKES) NICK
TAKES.doctor := $(SERVER_TAKES)
TAKES.link := $(IMPAIRMENTS) SEED PCAP ARGS
TAKES.link-set := $(IMPAIRMENTS) ARGS
TAKES.compare := $(IMPAIRMENTS) SEED PCAP ARGS
TAKES.experiment := NAME SEED ARGS
TAKES.report := RUN ARGS
TAKES.reproduce := RUN ARGS
$(foreach target,labbook demo fuzz torture,$(eval TAKES.$(target) := SEED ARGS))
$(foreach target,link-join accuracy bench experiments test check diff docs,$(eval TAKES.$(target) := ARGS))

STRAY := $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name)))
STRAY := $(filter-out $(NAMES) MAKEFLAGS MAKEOVERRIDES -%-,$(STRAY))
$(if $(STRAY),$(error There is no $(firstword $(STRAY))= here: there are $(NAMES)))
TARGETS := $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))
STRANGE := $(filter-out $(TARGETS),$(MAKECMDGOALS))
$(if $(STRANGE),$(error There is no target $(firstword $(STRANGE)): make help lists them. Put quotes round a value with spaces: DELAY="20ms 5ms"))
TAKEN := $(foreach target,$(MAKECMDGOALS),$(TAKES.$(target)))
UNUSED := $(filter-out $(TAKEN) VENV PYTHON INDEX,$(GIVEN))
$(if $(UNUSED),$(error make $(MAKECMDGOALS) takes no $(firstword $(UNUSED))=: it takes $(or $(strip $(foreach name,$(TAKEN),$(name)=)),nothing of the kind)))

# --- from there to a program's options --------------------------------------------------------------

LOWER := HOST/host PORT/port NICK/nick SEED/seed PCAP/pcap VENV/venv INDEX/index ARGS/args PROFILE/profile DELAY/delay \
	LOSS/loss DUPLICATE/duplicate REORDER/reorder CORRUPT/corrupt RATE/rate OUTAGE/outage UP/up DOWN/down
lower = $(patsubst $(1)/%,%,$(filter $(1)/%,$(LOWER)))
said = $(if $(filter $(1),$(GIVEN)),$(value $(1)))
# One word of the shell, whatever is in it: $, quotes, spaces.
quote = '$(subst ','\'',$(1))'
quoted = $(if $(call said,$(1)),$(call quote,$(call said,$(1))))
option = $(if $(call said,$(1)),--$(or $(2),$(call lower,$(1)))=$(call quoted,$(1)))
OPTIONS = $(foreach name,$(filter-out ARGS RUN NAME,$(TAKES.$@)),$(call option,$(name)))
# `make compare LOSS=5% DELAY=20ms` is one network in tc-netem's words: --link 'delay 20ms loss 5%'
WORDS = $(strip $(foreach name,$(filter-out PROFILE UP DOWN,$(IMPAIRMENTS)),$(if $(call said,$(name)),$(call lower,$(name)) $(call said,$(name)))))
NETWORK = $(call option,PROFILE,profiles) $(if $(WORDS),--link=$(call quote,$(WORDS))) $(call option,UP) $(call option,DOWN)

# --- the environment ----------------------------------------------------------------------------------

FOUND := $(if $(filter PYTHON,$(GIVEN)),$(call quoted,PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python .venv/bin/python)
ANY := $(if $(filter-out help,$(MAKECMDGOALS)),$(shell for python in $(FOUND); do \
	"$$python" -I -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' 2>/dev/null && break; done))
$(if $(filter-out help,$(MAKECMDGOALS)),$(if $(ANY),,$(error Python 3.11 or newer is needed, and $(or $(call quoted,PYTHON),none) \
	$(if $(call said,PYTHON),is no such Python,was found): install one, or name it with PYTHON=/path/to/python)))
SET_UP = @$(call quote,$(ANY)) -I common/set_up.py $(call option,VENV)
# $(call lab,chats) -m tcp.server: what the chats need is there, and then the line is started.
lab = $(SET_UP) $(call option,INDEX) $(if $(call said,PYTHON),--this-python) $(if $(filter ARGS,$(TAKES.$@)),$(call option,ARGS)) $(1) --

help:  ## this list
	@echo 'make TARGET [NAME=value …] [ARGS="further options"]      (what is in parentheses goes with it)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

tcp-server:  ## the chat server over TCP          (HOST= PORT=, ARGS=--trace shows every message)
	$(call lab,chats) -m tcp.server $(OPTIONS)

tcp-client:  ## a client of it                    (HOST= PORT= NICK=)
	$(call lab,chats) -m tcp.client $(OPTIONS)

udp-server:  ## the chat server over UDP          (HOST= PORT=, ARGS=--trace shows every message)
	$(call lab,chats) -m udp.server $(OPTIONS)

udp-client:  ## a client of it                    (HOST= PORT= NICK=)
	$(call lab,chats) -m udp.client $(OPTIONS)

link:  ## a shell across a bad network      (LOSS=5% DELAY=20ms PROFILE=wifi UP="rate 1mbit" …)
	$(call lab,chats) -m benchmarks.link $(OPTIONS)

link-join:  ## another terminal in the same link
	$(call lab,chats) -m benchmarks.link --join

link-set:  ## change the link while it runs     (LOSS=20%)
	$(call lab,chats) -m benchmarks.link --set $(OPTIONS)

accuracy:  ## how exact is the link on this machine?
	$(call lab,chats) -m benchmarks.link.accuracy

compare:  ## measure both over five networks: who loses what, who is late  (ARGS=--quick, LOSS=5% DELAY=20ms)
	$(call lab,comparison) -m benchmarks.compare $(NETWORK) $(call option,SEED) $(call option,PCAP)

bench:  ## beside other servers: is each figure reached?  (ARGS=--quick, ARGS="--only latency,cost")
	$(call lab,comparison) -m benchmarks.bench

experiments:  ## the experiments: what each asks, and how long it takes
	$(call lab,comparison) -m benchmarks.experiments

experiment:  ## make one: predict, measure, compare  (NAME=loss, ARGS=--quick)
	$(call lab,comparison) -m benchmarks.experiments $(or $(call quoted,NAME),$(error Say which: make experiment NAME=loss. make experiments lists them)) $(OPTIONS)

labbook:  ## make all of them, into one report; goes on where it was interrupted  (ARGS=--quick)
	$(call lab,comparison) -m benchmarks.labbook $(OPTIONS)

demo:  ## a conversation over both, side by side, while the network goes bad  (ARGS="--act 2")
	$(call lab,chats) -m benchmarks.demo $(OPTIONS)

report:  ## open the newest report, or RUN's
	$(call lab,comparison) -m benchmarks.report $(call quoted,RUN)

reproduce:  ## measure again what RUN measured, and say what differs
	$(call lab,comparison) -m benchmarks.reproduce $(call quoted,RUN)

test:  ## the tests                         (ARGS="-k framing")
	$(call lab,development) -m pytest

lint:  ## ruff, mypy, and the schema of the workflow in .github
	$(call lab,development) -m ruff check .
	$(call lab,development) -m ruff format --check .
	$(call lab,development) -m mypy
	$(call lab,development) -m mypy --platform darwin common tcp udp
	$(call lab,development) -m mypy --platform win32 common tcp udp
	$(call lab,development) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/check.yml

check: lint test  ## ruff, mypy, the workflow's schema and the tests

fuzz:  ## look for bytes that the decoder can't take  (ARGS="--seconds 10", SEED=)
	$(call lab,fuzz) -m benchmarks.fuzz $(OPTIONS)

torture:  ## ten converse, all others do what they should not: 5 minutes  (ARGS="--minutes 1", SEED=)
	$(call lab,chats) -m benchmarks.torture $(OPTIONS)

diff:  ## the TCP and the UDP text side by side  (ARGS=server or ARGS=client)
	$(call lab,chats) -m benchmarks.side_by_side

doctor:  ## can this machine run the lab?     (HOST= PORT=: can it reach that one?)
	$(call lab,chats) -m benchmarks.doctor $(OPTIONS)

docs:  ## make again what the pages show: pictures and output
	$(call lab,development) -m benchmarks.docs

clean:  ## remove what make has made (not your results)
	$(SET_UP) --remove
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
