# Needs Go, and for the crash test and the benchmarks what their output names.
# `make` alone lists what there is.
#
# Tests run with -count=1, since Go would remember a test that was skipped for
# want of PostgreSQL after PostgreSQL has been installed. With COUNT= it remembers.

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TOOL    = go tool -modfile=$(CURDIR)/tools/go.mod
MODULES = $(patsubst %/,%,$(dir $(wildcard go.mod */go.mod */*/go.mod)))

# How long the long suites are: `make test` runs short ones, `make crash` and
# `make powerloss` the whole.
CRASH_ROUNDS    ?= 3
POWERLOSS_SEEDS ?= 50
FUZZTIME        ?= 20s
COUNT           ?= -count=1
SCALE_EVENTS    ?= 10000000
MIXED           := --fleet 2x2xh200 --fleet 4x4xh20 --fleet 2x4xascend-910b2

.DEFAULT_GOAL := help
.PHONY: help run build test race lint fmt fuzz bench sim scale crash chaos powerloss clients e2e web console browser screenshots vuln generate clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## build, and serve the embedded model with its data in ./data
	./sluice serve --data ./data

build: ## build ./sluice: one static binary
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o sluice ./cmd/sluice

test: ## vet and test everything, the long suites in short
	go vet ./...
	SLUICE_POWERLOSS_SEEDS=$(POWERLOSS_SEEDS) go test $(COUNT) ./...
	@set -e; for m in $(filter-out . tools,$(MODULES)); do \
	  echo "go test ./... (in $$m)"; \
	  ( cd $$m && go vet ./... && SLUICE_CRASH_ROUNDS=$(CRASH_ROUNDS) go test $(COUNT) ./... ); \
	done
	@$(missing)

race: ## test with the race detector
	go test -race ./...

lint: ## run the linters (the first time builds them: minutes)
	@set -e; for m in $(filter-out tools,$(MODULES)); do echo "golangci-lint run (in $$m)"; ( cd $$m && $(TOOL) golangci-lint run ./... ); done

fmt: ## lay out the Go code
	$(TOOL) gofumpt -w -modpath sluice .

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@set -e; for d in $$(grep -rlE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | xargs -r -n1 dirname | sort -u); do \
	  for f in $$(go test -list '^Fuzz' $$d | grep '^Fuzz'); do \
	    echo "fuzz $$d $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$d; \
	  done; \
	done

bench: ## measure against nginx (BENCHMARKS.md explains the figures)
	cd tools/bench && go run .

sim: build ## compare ways of routing on simulated fleets: equal, mixed, and overloaded; replay a published day
	./sluice sim --fleet 8x4xh20 --rate 1.6 --policy all --seed 1,2,3 --mean
	./sluice sim $(MIXED) --rate 1.2 --policy all --seed 1,2,3 --mean
	./sluice sim $(MIXED) --rate 2.5 --policy all --seed 1,2,3 --mean
	./sluice sim day --sample 64

scale: ## close a day of SCALE_EVENTS calls on both databases, open its statement, rate it again
	SLUICE_SCALE_EVENTS=$(SCALE_EVENTS) go test -count=1 -timeout 1h -v -run '^TestScale$$' ./billing/closing

crash: ## kill the server under load, 300 rounds
	cd e2e && SLUICE_CRASH_ROUNDS=300 go test -count=1 -timeout 3h -v -run '^TestCrash' ./...

chaos: ## kill, stop, stall, slow and deceive replicas under 500 streams
	cd e2e && SLUICE_CHAOS_STREAMS=500 SLUICE_CHAOS_SECONDS=60 go test -count=1 -timeout 30m -v -run '^TestChaos$$' ./...

powerloss: ## lose what was not synced, 10,000 seeds
	SLUICE_POWERLOSS_SEEDS=10000 go test -count=1 -timeout 3h -v ./store/powerloss

clients: ## install the official JavaScript clients below e2e/
	@set -e; for p in $(dir $(wildcard e2e/package.json e2e/*/package.json)); do ( cd $$p && npm ci --ignore-scripts --no-audit --no-fund ); done

e2e: clients ## test the binary with the official clients
	cd e2e && go test -count=1 -v ./...

web: ## check and test the console's source, and that console/dist is what it makes
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run check && npm test

console: ## build the console into console/dist (web/README.md)
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run check && npm run build && npm test

browser: build ## journeys through the console in a real Chromium
	cd web && npm run browser

screenshots: build ## a picture of each page of the console, in web/screenshots
	cd web && node browser/screenshots.mjs

vuln: ## look for known vulnerabilities in what is reachable
	$(TOOL) govulncheck ./...

generate: ## make again what is generated
	go generate ./...

clean: ## remove what was built; ./data stays
	rm -rf sluice bin

# missing says at the end of a test what this machine had no means to test.
define missing
set --; \
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || set -- "$$@" "PostgreSQL: the store and the balance on it (apt-get install postgresql)"; \
command -v pdftotext >/dev/null || set -- "$$@" "poppler-utils: the text of invoices as PDF (apt-get install poppler-utils)"; \
command -v node >/dev/null || set -- "$$@" "Node: the official JavaScript client (apt-get install nodejs npm, then make e2e)"; \
if [ $$# = 0 ]; then echo "All passed."; else echo "Passed, but NOT TESTED, since it is not installed here:"; printf '  - %s\n' "$$@"; fi
endef
