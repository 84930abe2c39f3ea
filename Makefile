# sagapipe: `make help` tells what there is
#
# BUILD and BIN may be set on the command line to build beside another build.

BUILD   ?= build
BIN     ?= bin
PREFIX  ?= /usr/local
DESTDIR ?=

PROCESSES = broker payment ledger gateway
TOOLS     = sagactl

# Pure files: no clock, socket, file, malloc, log or library (make tidy looks).
CORE_SAGA    = base bytes pack money refusal topic event protocol quote \
               text_writer base64 rfc3339 json_view histogram bus_status order_log
CORE_BROKER  = broker_request producer_life producer_seqs report_table
CORE_PAYMENT = payment_account payment_decide
CORE_LEDGER  = ledger_entry ledger_post
CORE_GATEWAY = order_status gateway_rows gateway_fold http_deadline http_rate \
               http_origin http_prefer drain_rate open_ages order_block order_levels
CORE_SAGACTL = verify_rules verify_rows sse_reader

CC       = gcc
STD      = -std=c11 -D_GNU_SOURCE -Isrc
WARN     = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wconversion -Wno-sign-conversion \
           -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 \
           -Wundef -Wswitch-enum -Wnull-dereference
HARDEN   = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPTIMISE = -O2 -g
CFLAGS   = $(STD) $(WARN) $(OPTIMISE) $(HARDEN) $(SANITIZE) $(FAULT)
LDFLAGS  = -pie -Wl,-z,relro,-z,now $(SANITIZE)
LIBS     = -lczmq -lzmq -lmsgpackc -ldb-5.3 -lsystemd -lpthread
LIBS_gateway = -lmicrohttpd -ljansson -lnettle
LIBS_sagactl = -ljansson -lcurl
# It reads the stores of all: with their own objects.
PARTS_sagactl = $(BUILD)/libparts.a

comma    := ,
sources   = $(wildcard src/$(1)/*.c)
objects   = $(patsubst %.c,$(BUILD)/%.o,$(1))
SAGA      = $(call objects,$(call sources,saga))
CORE      = $(foreach p,SAGA BROKER PAYMENT LEDGER GATEWAY SAGACTL,$(addprefix \
            src/$(shell echo $(p) | tr A-Z a-z)/,$(addsuffix .c,$(CORE_$(p)))))
PROGRAMS  = $(addprefix $(BIN)/,$(PROCESSES) $(TOOLS))
UNIT      = $(patsubst tests/unit/%.c,$(BUILD)/tests/%, \
            $(wildcard tests/unit/test_*.c))

all: $(PROGRAMS) ## the programs, in bin/ (the default)

# The files of its pages, inside the gateway; npm writes the file that tells
# when it installed swagger-ui.
PAGES         = $(BUILD)/web
ASSETS        = $(PAGES)/assets.o
PARTS_gateway = $(ASSETS)
$(PAGES)/assets.c: web $(wildcard web/* docs/swagger/node_modules/.package-lock.json) scripts/embed-web.sh
	@scripts/embed-web.sh $(@D)
$(ASSETS): $(PAGES)/assets.c src/gateway/http_assets.h
	$(CC) $(CFLAGS) -c -o $@ $<

# Every program: its folder's objects and the library of objects.
.SECONDEXPANSION:
$(PROGRAMS): $(BIN)/%: $$(call objects,$$(call sources,$$*)) $$(PARTS_$$*) $(BUILD)/libsaga.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(LIBS_$*)

$(BUILD)/libsaga.a: $(SAGA)
	@rm -f $@
	ar rcs $@ $^

# Everything of the processes but their mains, for the unit tests.
PARTS = $(filter-out %_main.o,$(foreach p,$(PROCESSES) $(TOOLS),\
        $(call objects,$(call sources,$(p))))) $(ASSETS)
$(BUILD)/libparts.a: $(PARTS)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libcore.a: $(call objects,$(CORE))
	@rm -f $@
	ar rcs $@ $^

# Each fuzz target twice: over its corpus, as one more unit test, and with
# libFuzzer (scripts/fuzz.sh builds that with clang).
FUZZ   = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY = $(addprefix $(BUILD)/tests/replay_,$(FUZZ))
FUZZED = $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/support/sample_event.o \
         $(BUILD)/libparts.a $(BUILD)/libsaga.a
$(REPLAY): $(BUILD)/tests/replay_%: $(BUILD)/tests/fuzz/replay.o $(FUZZED)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(LIBS_gateway)
$(BUILD)/tests/fuzz_%: $(FUZZED)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(LIBS_gateway)
fuzz: ## every fuzzer, SECONDS=60 each
	@scripts/fuzz.sh $(or $(SECONDS),60)

SUPPORT = $(call objects,$(wildcard tests/support/*.c))

# A core module's test links nothing but core: that is the proof of purity.
CORE_TESTS = $(addprefix $(BUILD)/tests/test_,$(notdir $(CORE:.c=)))
$(filter $(CORE_TESTS),$(UNIT)): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcore.a
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka
$(filter-out $(CORE_TESTS),$(UNIT)): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(SUPPORT) $(BUILD)/libparts.a $(BUILD)/libsaga.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(LIBS_gateway) -lcmocka
# It counts what the lists read of the store.
$(BUILD)/tests/test_gateway_query_work: LDFLAGS += $(addprefix \
    -Wl$(comma)--wrap=store_,get cursor_seek cursor_seek_back cursor_first \
    cursor_last cursor_next cursor_prev)
# It looks at each wait.
$(BUILD)/tests/test_participant_pace: LDFLAGS += -Wl,--wrap=ppoll

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The simulation brings its own store, network, clock and log: what defines a
# symbol first is taken, so the library's own stay out.
SIM = $(call objects,$(wildcard tests/sim/*.c))
$(BUILD)/tests/simulate: $(SIM) $(BUILD)/libparts.a $(BUILD)/libsaga.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lmsgpackc
sim: $(BUILD)/tests/simulate ## the simulation's program; tests/sim/run.sh runs it

# Participants of one file each, on the library (docs/EXTENDING.md).
EXAMPLES = $(patsubst examples/%.c,$(BIN)/examples/%,$(wildcard examples/*.c))
examples: $(EXAMPLES) ## participants of one file each (docs/EXTENDING.md)
$(EXAMPLES): $(BIN)/examples/%: $(BUILD)/examples/%.o $(BUILD)/libsaga.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Libraries that a test puts under a process (LD_PRELOAD).
PRELOADS = $(addprefix $(BUILD)/tests/lib,powercut.so diskfault.so slowdisk.so stall.so latesignal.so)
preload: $(PRELOADS) ## libraries that tests put under a process
$(PRELOADS): $(BUILD)/tests/lib%.so: $$(wildcard tests/preload/$$**.[ch])
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(OPTIMISE) -fPIC -shared -Wl,-z,now -o $@ \
	  $(filter %.c,$^) -lpthread

# Says nothing about a test that passes, everything about one that fails.
check: $(UNIT) $(REPLAY) ## unit tests, and the fuzzers' findings again
	@scripts/run-unit-tests.sh $(UNIT) $(REPLAY)

# What gcc warns of changes with what it instruments: an error in the usual
# build only.
check-asan: ## the same with address and undefined sanitizers
	@ASAN_OPTIONS=allocator_may_return_null=1 \
	LSAN_OPTIONS=print_suppressions=0:suppressions=$(CURDIR)/tests/sanitizers/lsan.supp \
	  $(MAKE) --no-print-directory BUILD=build-asan BIN=build-asan/bin OPTIMISE="-O1 -g" HARDEN=-fPIE \
	  WARN="$(WARN) -Wno-error" \
	  SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" \
	  all examples check

# Under thread sanitizer; under valgrind (minutes: test-all.sh --long).
check-tsan check-valgrind: ## the same under thread sanitizer; valgrind
	@scripts/check-sanitizer.sh $(@:check-%=%)

# The programs with named points where a test ends them (fault.h).
fault: ## the programs with named points where a test ends them
	@$(MAKE) --no-print-directory BUILD=build-fault BIN=build-fault/bin \
	  FAULT=-DFAULT_POINTS all

tidy: ## layers, sizes, banned calls, leftovers
	@CORE="$(CORE)" scripts/tidy.sh

# The benchmark's own programs: what they measure is theirs alone.
BENCH = $(addprefix $(BUILD)/bench/,echo disk roundtrip stalls load brokers)
LIBS_bench_echo = -lmicrohttpd
LIBS_bench_disk = -ldb-5.3
LIBS_bench_roundtrip = -lzmq
LIBS_bench_stalls = -lpthread
LIBS_bench_brokers = -lzmq
PARTS_bench = $(filter-out $(addsuffix .o,$(BENCH)),$(filter \
              $(BUILD)/bench/$(1)%.o,$(call objects,$(wildcard bench/*.c))))
$(BENCH): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/bench/tool.o $$(call PARTS_bench,$$*_)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_bench_$*)
bench-tools: $(BENCH) ## the benchmark's own programs

bench: all preload bench-tools ## measures all there is; GROWTH=5000000: more of it
	@BIN=$(BIN) BUILD=$(BUILD) GROWTH=$(GROWTH) bench/run.sh

install: all ## below DESTDIR and PREFIX, with units and settings
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" BIN="$(BIN)" scripts/install.sh

# As cloned, but for what setup.sh installed (node_modules) and var, the home
# of a pipeline.
clean: ## as cloned, but for what setup.sh installed and var
	rm -rf build build-* bin .pytest_cache
	find bench scripts tests -name node_modules -prune -o \
	  -name __pycache__ -prune -exec rm -rf {} +

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

help: ## this
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "make %-27s %s\n", $$1, $$2 }' Makefile

.PHONY: all help check check-asan check-tsan check-valgrind fault fuzz sim preload \
        examples tidy bench bench-tools install clean
.DELETE_ON_ERROR:
.SECONDARY:
