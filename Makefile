# The developer's commands; `make help` lists them. Each installs what it needs from the
# distribution if that is missing, and the test tools from PyPI into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# libnftables' Python module exists for the system's Python only.
PYTHON := /usr/bin/python3
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
SUITE ?= bookworm

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' src/dualwan/__init__.py)
DEB := dist/dualwan-hook_$(VERSION)_all.deb
DEB_SOURCES := $(shell find src hooks etc packaging README.md CHANGELOG.md -type f \
                 -not -path '*/__pycache__/*')

NEED := packaging/need
NEED_DEB := debhelper dh-python dpkg-dev python3
NEED_LAB := mmdebstrap qemu-system-x86 e2fsprogs debian-archive-keyring python3
NEED_RUN := python3 python3-pyroute2 python3-pyudev python3-structlog python3-tomli \
            python3-dnspython python3-nftables conntrack iproute2 nftables
NEED_BENCH := iptables procps
NEED_VENV := python3-venv ca-certificates
NEED_PACKAGE := lintian mmdebstrap debian-archive-keyring
PYTEST = $(CURDIR)/.venv/bin/python -B -m pytest -p no:cacheprovider -q

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z][a-z-]*\):.* ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo 'SUITE=bookworm (default) or trixie goes with lab and demo.'

.PHONY: demo
demo: deb need-lab ## boot a simulated FLET'S line and show the package at work on it
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py demo --suite $(SUITE) --deb $(DEB)

.PHONY: deb
deb: $(DEB) ## build dist/dualwan-hook_VERSION_all.deb
$(DEB): $(DEB_SOURCES)
	@$(NEED) $(NEED_DEB)
	@packaging/build-deb

.PHONY: test
test: ## everything below, in turn, with a summary; needs root or sudo
	@packaging/in-turn static unit netns package lab-bookworm lab-trixie

.PHONY: static
static: .venv/ready ## ruff, mypy and shellcheck
	@$(NEED) $(NEED_RUN) shellcheck
	.venv/bin/ruff check . hooks/* packaging/bin/* packaging/debian-changelog
	.venv/bin/mypy
	shellcheck $$(find .ci packaging tests -type f -exec \
	    awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME }' {} +)
	shellcheck -s bash packaging/completion/*

.PHONY: unit
unit: .venv/ready ## pure logic: unit tests and golden cases
	@$(NEED) $(NEED_RUN)
	$(PYTEST) tests/unit $(wildcard tests/cases)

.PHONY: netns
netns: .venv/ready ## against the kernel, in network namespaces; root
	@$(NEED) $(NEED_RUN) $(NEED_BENCH) nmap
	$(AS_ROOT) $(PYTEST) tests/netns

.PHONY: package
package: deb .venv/ready ## the .deb: lintian, then install, upgrade, remove and purge; root
	@$(NEED) $(NEED_PACKAGE)
	lintian --allow-root --fail-on error,warning --tag-display-limit 0 $(DEB)
	$(AS_ROOT) $(PYTEST) tests/packaging

.PHONY: lab lab-bookworm lab-trixie
lab: lab-$(SUITE) ## the simulated line: a Debian guest in QEMU, with its provider; root
lab-bookworm lab-trixie: lab-%: deb need-lab
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --suite $* --deb $(DEB)

.PHONY: bench
bench: ## time each event in a namespace, beside the shell commands it replaces; root
	@$(NEED) $(NEED_RUN) $(NEED_BENCH)
	$(AS_ROOT) $(PYTHON) -B tests/bench/events.py

.PHONY: bench-rules
bench-rules: ## what a new flow costs with 200 services and 200 forwards, beside 5 and 5; root
	@$(NEED) $(NEED_RUN)
	$(AS_ROOT) $(PYTHON) -B tests/bench/rules.py

.PHONY: bench-nat
bench-nat: ## ports kept and cost of a flow, beside mape.sh's and OpenWrt's rules; root
	@$(NEED) $(NEED_RUN) $(NEED_BENCH)
	$(AS_ROOT) $(PYTHON) -B tests/bench/nat.py

.PHONY: clean
clean: ## remove what the commands above have made in this folder
	rm -rf build dist .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: need-lab
need-lab:
	@$(NEED) $(NEED_LAB)

.venv/ready: packaging/test-tools.txt
	@$(NEED) $(NEED_VENV)
	@echo 'installing the test tools into .venv ...'
	@$(PYTHON) -m venv --clear --system-site-packages .venv
	@.venv/bin/python -m pip --disable-pip-version-check install -qq -r $<
	@touch $@
