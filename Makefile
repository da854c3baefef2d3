# SPDX-License-Identifier: GPL-2.0-or-later
# conntab: `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
BUILD ?= build
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

# The one list of packages (Debian and Ubuntu): to build, and beyond that to test and to demonstrate.
BUILD_PACKAGES = gcc libc6-dev make pkg-config libmnl-dev libnetfilter-conntrack-dev libreadline-dev
TEST_PACKAGES = bats bats-assert bats-support libcmocka-dev conntrack iproute2 nftables iputils-ping \
	socat jq python3 libxml2-utils mandoc bash-completion shellcheck netbase expect procps \
	valgrind man-db tmux strace libmonitoring-plugin-perl iptables

LIBRARIES = libmnl libnetfilter_conntrack readline
SOURCES = $(sort $(wildcard src/*.c src/*/*.c))
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)
PROGRAM = $(BUILD)/conntab
UNIT_SOURCES = $(sort $(wildcard tests/unit/*.c))
UNIT_TESTS = $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
MAN_PAGES = $(BUILD)/man/conntab.8 $(BUILD)/man/conntab-filter.7

# Ours, apart from the user's CFLAGS and LDFLAGS.
OUR_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Iinclude -MMD -MP -Wall -Wextra -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wformat=2 -fstack-protector-strong -fPIE $(LIBRARY_CFLAGS)
OUR_CPPFLAGS = $(if $(findstring -O,$(CFLAGS)),$(if $(findstring fsanitize,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
OUR_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LIBRARY_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LIBRARY_FLAGS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null || echo -lmnl -lnetfilter_conntrack -lreadline) -lm

V ?= 0
QUIET = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' $(1) $@;,)

.PHONY: all help libraries deps demo check unit man install uninstall clean check-sanitize check-valgrind bench lint

all: $(PROGRAM) man ## build the program and its man pages

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

$(OBJECTS): | libraries

# Says what is missing instead of failing at the first #include.
libraries:
	@for tool in $(PKG_CONFIG) $(firstword $(CC)); do command -v "$$tool" >/dev/null || { \
	  echo "conntab: $$tool is missing; sudo make deps installs what is needed"; exit 1; }; done; \
	for library in $(LIBRARIES); do $(PKG_CONFIG) --exists $$library || { \
	  echo "conntab: the library $$library (with its headers) is missing; sudo make deps installs what is needed"; \
	  exit 1; }; done

$(PROGRAM): $(OBJECTS)
	$(call QUIET,LD)$(CC) $(CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARY_FLAGS) $(LDLIBS)

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

man: $(MAN_PAGES) ## fill the tables into the man pages

$(BUILD)/man/%: man/%.in $(PROGRAM)
	@mkdir -p $(@D)
	$(call QUIET,MAN)$(PROGRAM) --man-page <$< >$@.new && mv $@.new $@

# What a unit test links: all but main().
$(BUILD)/unit/%: tests/unit/%.c $(filter-out $(BUILD)/main.o,$(OBJECTS))
	@mkdir -p $(@D)
	$(call QUIET,TEST)$(CC) $(OUR_CFLAGS) -Isrc -Itests/unit $(CPPFLAGS) $(CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) \
	  -o $@ $(filter %.c %.o,$^) -lcmocka $(LIBRARY_FLAGS)

unit: $(UNIT_TESTS) ## build the unit tests

deps: ## install what is needed to build, test and demonstrate (Debian, Ubuntu; as root)
	@command -v dpkg-query >/dev/null || { echo "conntab: no dpkg here; README.md names the packages"; exit 1; }
	@missing=$$(for package in $(BUILD_PACKAGES) $(TEST_PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	[ -z "$$missing" ] || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; }

demo: deps ## see it work on real connections in a throwaway namespace (as root)
	@$(MAKE) --no-print-directory all
	@tests/demo.sh $(PROGRAM)

check: deps ## install what is missing, build, run every test (as root)
	@$(MAKE) --no-print-directory all unit
	@tests/run.sh $(TESTS)

check-sanitize: deps ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=build/sanitize \
	  CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' all unit
	@CONNTAB_BUILD=build/sanitize tests/run.sh $(TESTS)

check-valgrind: deps ## the whole suite under valgrind (slow)
	@$(MAKE) --no-print-directory all unit
	@CONNTAB_VALGRIND=1 tests/run.sh $(TESTS)

bench: all ## what it costs beside conntrack(8) (as root; BENCH_N=ENTRIES, BENCH_RUNS=N)
	@tests/bench/restore $(PROGRAM)

lint: ## shellcheck, mandoc -T lint, cppcheck where they are installed
	@tests/lint.sh

install: all ## install under $(DESTDIR)$(PREFIX)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(SBINDIR)/conntab
	install -D -m 644 completions/conntab.bash $(DESTDIR)$(BASHCOMPDIR)/conntab
	install -D -m 644 $(BUILD)/man/conntab.8 $(DESTDIR)$(MANDIR)/man8/conntab.8
	install -D -m 644 $(BUILD)/man/conntab-filter.7 $(DESTDIR)$(MANDIR)/man7/conntab-filter.7

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/conntab $(DESTDIR)$(BASHCOMPDIR)/conntab \
	  $(DESTDIR)$(MANDIR)/man8/conntab.8 $(DESTDIR)$(MANDIR)/man7/conntab-filter.7

clean: ## remove what was built
	rm -rf build

-include $(OBJECTS:.o=.d) $(UNIT_TESTS:=.d)
