# The developer's commands; `make help` lists them. Each installs what it needs from the
# distribution if that is missing, and the test tools from PyPI into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# libnftables' Python module exists for the system's Python only.
PYTHON := /usr/bin/python3
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
# The release that this machine is not, of the two that are supported.
THIS := $(shell . /etc/os-release && echo $$VERSION_CODENAME)
OTHER := $(if $(filter trixie,$(THIS)),bookworm,trixie)
LAB_SUITE := $(or $(SUITE),bookworm)
USERLAND := $(or $(SUITE),$(OTHER))

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' src/dualwan/__init__.py)
REVISION := $(shell sed -n 's/^REVISION = "\(.*\)".*/\1/p' packaging/debian-changelog)
DEB := dist/dualwan-hook_$(VERSION)-$(REVISION)_all.deb
DSC := dist/dualwan-hook_$(VERSION)-$(REVISION).dsc
DEB_SOURCES := $(shell find src hooks etc packaging docs README.md README.ja.md SECURITY.md \
                 CHANGELOG.md -type f \
                 -not -path '*/__pycache__/*')

NEED := packaging/need
NEED_DEB := debhelper dh-python dpkg-dev gettext python3 xz-utils
NEED_LAB := mmdebstrap qemu-system-x86 e2fsprogs debian-archive-keyring python3
NEED_RUN := python3 python3-pyroute2 python3-pyudev python3-structlog python3-tomli \
            python3-dnspython python3-nftables iproute2 nftables
NEED_BENCH := iptables procps
NEED_UNIT := $(NEED_RUN) curl gettext systemd zsh
NEED_NETNS := $(NEED_RUN) conntrack nmap openssl iptables procps systemd
# Not installed on a developer's machine, where they would start: unpacked below build/.
# After Debian 13 there is no dhclient, and tests/netns/conftest.py leaves its tests out.
programs = kea-dhcp6-server dhcpcd-base dnsmasq-base ndppd wireguard-tools curl keepalived conntrackd \
           $(if $(filter bookworm trixie,$1),isc-dhcp-client)
# For the metrics; 110 MB, so in no chroot.
METRICS := prometheus prometheus-node-exporter
# Each provides ifup, so they cannot be installed together: unpacked below build/.
IFUPS := ifupdown ifupdown-ng ifupdown2
NEED_VENV := python3-venv ca-certificates
NEED_USERLAND := mmdebstrap debian-archive-keyring util-linux python3
NEED_INSIDE = $(NEED_NETNS) gettext ifupdown $(call programs,$(USERLAND)) \
              zsh python3-pytest python3-pytest-xdist python3-hypothesis python3-jsonschema
NEED_PACKAGE := lintian mmdebstrap debian-archive-keyring man-db python3-tomli
# Of Debian 12 and 13, whose lintian is older than the policy that the package follows. That of 13 no
# longer knows a tag which the package overrides for that of 12 (alien-tag).
LINT := --allow-root --fail-on error,warning,info,pedantic --pedantic --display-info \
        --suppress-tags newer-standards-version,alien-tag --tag-display-limit 0
PYTEST := -B -m pytest -p no:cacheprovider -q
VENV := $(CURDIR)/.venv/bin/python
# For two cores. Tests in namespaces wait for much of their time, so there are three at once.
SIDE_BY_SIDE := -n 2 --dist load
THREE_AT_ONCE := -n 3 --dist load
# One file by its name (F=test_guard), and whatever else pytest takes (T="-k removal").
chosen = tests/$1$(if $(F),/$(notdir $(F:.py=)).py) $(T)
# What hangs on the kernel, or on the machine's own programs, and takes long: not in userland.
ONCE := test_benches test_ifup_relatives test_ifup_closed test_scan test_nat_capacity test_nat_secrecy \
        test_fault_injection test_never_open test_never_open_broken test_hooks_d test_trial test_metrics \
        test_your_lan test_two_routers_vrrp
IN_USERLAND = $(AS_ROOT) $(PYTHON) -B tests/userland/run.py $(USERLAND) \
              '$(NEED_INSIDE)' $(PYTHON) $(PYTEST)
YOUR_LAN := bare-64 pd-dhcpcd pd-networkd from-outside
SCRIPTS := hooks/* packaging/bin/* packaging/debian-changelog packaging/completions packaging/picture

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z][a-z-]*\):.* ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 23
	@echo 'SUITE=bookworm, trixie or forky, the next release, goes with lab, demo (default: bookworm)'
	@echo 'and userland (default: the other one of the first two).'
	@echo 'F=test_guard (one file) and T="-k removal" (what pytest takes) go with unit and netns,'
	@echo 'also of the userland.'

.PHONY: locale
locale: ## the catalogues of other languages, for the command in this checkout
	@$(NEED) gettext
	@packaging/compile-locale src/dualwan/locale

.PHONY: demo
demo: deb need-lab ## boot a simulated FLET'S line and show the package at work on it
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py demo --suite $(LAB_SUITE) --deb $(DEB)

.PHONY: deb
deb: $(DEB) ## build dist/dualwan-hook_VERSION-1_all.deb, by way of the source package
$(DEB): $(DEB_SOURCES)
	@$(NEED) $(NEED_DEB)
	@packaging/build-deb

.PHONY: source
source: ## make the source package alone, in dist/
	@$(NEED) $(NEED_DEB)
	@packaging/make-source
	@echo $(DSC)

.PHONY: test
test: need-lab ## everything below, in turn, with a summary; needs root or sudo
	@packaging/in-turn static unit netns userland+package lab-bookworm+lab-trixie

.PHONY: static
static: ruff ## ruff, mypy, the direction of imports, and shellcheck
	@$(NEED) $(NEED_RUN) shellcheck
	.venv/bin/mypy
	PYTHONPATH=src .venv/bin/lint-imports
	shellcheck $$(find .ci docs packaging tests -path tests/data -prune -o -type f -exec \
	    awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME }' {} +)
	shellcheck -s bash packaging/completion/dualwan-hook

.PHONY: ruff
ruff: .venv/ready
	.venv/bin/ruff check . $(SCRIPTS)
	.venv/bin/ruff format --check --quiet . $(SCRIPTS)

.PHONY: format
format: .venv/ready ## lay out all Python as ruff does
	.venv/bin/ruff format . $(SCRIPTS)

.PHONY: unit
unit: .venv/ready ## pure logic: unit tests and golden cases
	@$(NEED) $(NEED_UNIT)
	$(VENV) $(PYTEST) $(SIDE_BY_SIDE) $(call chosen,unit)

.PHONY: quick
quick: ruff ## after each change: ruff, and the unit tests but the slow ones
	@$(NEED) $(NEED_UNIT)
	$(VENV) $(PYTEST) $(SIDE_BY_SIDE) -m 'not slow' $(call chosen,unit)

.PHONY: completion
completion: ## make the completions of bash and zsh anew, after a change of the command line
	@$(NEED) $(NEED_RUN)
	$(PYTHON) -B packaging/completions packaging/completion

.PHONY: pictures
pictures: ## draw docs/pictures anew, of the texts in tests/golden/pictures
	@$(NEED) python3
	@packaging/pictures

.PHONY: case
case: .venv/ready ## a golden case of a bug report: FROM=FILE, and NAME= and ABOUT= of the case
	@$(NEED) $(NEED_RUN)
	PYTHONPATH=src:tests/unit $(VENV) -B tests/unit/case_of_report.py '$(FROM)' '$(NAME)' '$(ABOUT)'

.PHONY: fuzz
fuzz: .venv/ready ## not in test: N inputs (100,000) a reader of what others write; SEED= changes them
	@$(NEED) $(NEED_RUN)
	$(VENV) -B tests/fuzz/run.py --number $(or $(N),100000) $(if $(SEED),--seed $(SEED)) $(T)

.PHONY: mutants
mutants: .venv/ready ## not in test: N changes (400) of the program, which tests have to notice; root
	@$(NEED) $(NEED_NETNS) $(NEED_BENCH)
	$(AS_ROOT) $(VENV) tests/mutants/run.py --number $(or $(N),400) $(if $(SEED),--seed $(SEED)) $(T)

.PHONY: coverage
coverage: .venv/ready ## which lines and branches the unit tests reach; fails below the floor
	@$(NEED) $(NEED_UNIT)
	$(VENV) $(PYTEST) --cov --cov-report=term-missing:skip-covered tests/unit

.PHONY: netns
netns: .venv/ready ## against the kernel, in network namespaces; root
	@$(NEED) $(NEED_NETNS) $(NEED_BENCH)
	@packaging/unpack build/programs $(call programs,$(THIS)) $(METRICS)
	@for each in $(IFUPS); do packaging/unpack build/$$each $$each; done
	@$(PYTHON) -m compileall -q src # once, for the thousands of processes that are started
	$(AS_ROOT) $(VENV) $(PYTEST) $(THREE_AT_ONCE) $(call chosen,netns)

.PHONY: userland userland-unit userland-netns
userland: ## unit and netns with Python, nft and ip of the other release (chroot); root
	@$(MAKE) --keep-going userland-unit userland-netns
userland-unit: need-userland ## the unit tests alone, but for the slow ones
	$(IN_USERLAND) $(SIDE_BY_SIDE) -m 'not slow' $(call chosen,unit)
userland-netns: need-userland ## the netns tests alone, but for those of the kernel (ONCE)
	$(IN_USERLAND) $(THREE_AT_ONCE) $(if $(F),,$(ONCE:%=--ignore tests/netns/%.py)) $(call chosen,netns)

.PHONY: package
package: deb .venv/ready ## the .deb: lintian, then install, upgrade, remove and purge; root
	@$(NEED) $(NEED_PACKAGE)
	lintian $(LINT) $(DEB) $(DSC)
	$(AS_ROOT) $(VENV) $(PYTEST) tests/packaging

.PHONY: autopkgtest
autopkgtest: source ## not in test: build with the unit tests as Debian does, and run debian/tests; root
	@$(NEED) autopkgtest mmdebstrap debian-archive-keyring
	$(AS_ROOT) $(PYTHON) -B tests/packaging/autopkgtest.py $(or $(SUITE),trixie) $(DSC)

.PHONY: autopkgtest-qemu
autopkgtest-qemu: deb ## not in test: debian/tests in a virtual machine, the scenario too; root
	@$(NEED) autopkgtest qemu-utils $(NEED_LAB)
	$(AS_ROOT) $(PYTHON) -B tests/packaging/autopkgtest_qemu.py $(or $(SUITE),trixie) $(DEB) $(DSC)

.PHONY: lab lab-bookworm lab-trixie lab-forky
lab: lab-$(LAB_SUITE) ## the simulated line: a Debian guest in QEMU, with its provider; root
lab-bookworm lab-trixie lab-forky: lab-%: deb need-lab
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --suite $* --deb $(DEB)

.PHONY: lab-long-bookworm lab-long-trixie
lab-long-bookworm lab-long-trixie: lab-long-%: deb need-lab ## not in test: pppd, calls, a hard night, other network managers; root
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --long --suite $* --deb $(DEB)

.PHONY: lab-rest-bookworm lab-rest-trixie lab-rest-forky
lab-rest-bookworm lab-rest-trixie lab-rest-forky: lab-rest-%: deb need-lab ## not in test: what of it runs on the other release; root
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --rest --suite $* --deb $(DEB)

.PHONY: lab-your-lan-bookworm lab-your-lan-trixie
lab-your-lan-bookworm lab-your-lan-trixie: lab-your-lan-%: deb need-lab ## not in test: each set of docs/your-lan; root
	for set in $(YOUR_LAN); do \
	    $(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --your-lan $$set --suite $* --deb $(DEB); \
	done

.PHONY: soak
soak: deb need-lab ## N=100 reconnects under traffic in the guest, and what has grown; SUITE=; root
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py test --soak $(or $(N),100) --suite $(LAB_SUITE) --deb $(DEB)

.PHONY: two-routers
two-routers: deb need-lab ## N=20 takeovers and more between two routers, each a guest of its own; SUITE=; root
	$(AS_ROOT) $(PYTHON) -B tests/lab/run.py two-routers $(if $(N),--takeovers $(N)) --suite $(LAB_SUITE) --deb $(DEB)

.PHONY: faults faults-unit faults-netns
faults: faults-unit faults-netns ## every failure and kill at every call, of which unit and netns take a part; root
faults-unit: .venv/ready
	@$(NEED) $(NEED_RUN)
	DUALWAN_FAULTS=all $(VENV) $(PYTEST) -s tests/unit/test_faults.py tests/unit/test_faults_random.py
faults-netns: .venv/ready
	@$(NEED) $(NEED_NETNS)
	$(AS_ROOT) env DUALWAN_FAULTS=all $(VENV) $(PYTEST) -s tests/netns/test_fault_injection.py

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

.PHONY: bench-path
bench-path: ## packets and new flows through the whole rule set, beside others'; writes docs/performance.md; root
	@$(NEED) $(NEED_RUN) $(NEED_BENCH)
	$(AS_ROOT) $(PYTHON) -B tests/bench/path.py --page

.PHONY: bench-scale
bench-scale: ## what grows with forwards, and with what others have; writes docs/performance.md; root
	@$(NEED) $(NEED_RUN) $(NEED_BENCH)
	$(AS_ROOT) $(PYTHON) -B tests/bench/scale.py --page

.PHONY: clean
clean: ## remove what the commands above have made in this folder
	find src -name "*.mo" -delete
	rm -rf build dist .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: need-lab need-userland
need-lab:
	@$(NEED) $(NEED_LAB)
need-userland:
	@$(NEED) $(NEED_USERLAND)

.venv/ready: packaging/test-tools.txt
	@$(NEED) $(NEED_VENV)
	@echo 'installing the test tools into .venv ...'
	@$(PYTHON) -m venv --clear --system-site-packages .venv
	@.venv/bin/python -m pip --disable-pip-version-check install -qq -r $<
	@touch $@
