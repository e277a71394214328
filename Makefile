# The commands of this repository. "make help" lists them.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
PARALLEL    := -p 2

.PHONY: help build run check test bench bench-once bench-compare bench-peers

help: ## list the commands
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' $(MAKEFILE_LIST)

build: ## build the program as bin/1mcp
	go build -o bin/1mcp ./cmd/1mcp

run: ## serve what ./mcp.json says, or the built-in example
	go run ./cmd/1mcp

check: ## formatting, go vet, staticcheck
	@unformatted=$$(gofmt -l cmd internal bench .ci interop/*.go interop/[!n]*/); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go vet ./... ./.ci/report
	cd interop && go vet ./...
	cd bench && go vet ./...
	go run $(STATICCHECK) ./... ./.ci/report
	cd bench && go run $(STATICCHECK) ./...

# All modules are tested even when the first one fails, and one report covers all.
test: interop/node_modules ## all tests of all modules, with the race detector
	@go build -o bin/report ./.ci/report
	@set +e; { go test -race $(PARALLEL) -json -timeout 10m ./... ./.ci/report 2>&1; \
	(cd bench && go test -race -count=1 $(PARALLEL) -json -timeout 10m ./... 2>&1); \
	(cd interop && go test -race -count=1 $(PARALLEL) -json -timeout 15m ./... 2>&1); } | bin/report

interop/node_modules: interop/package-lock.json
	cd interop && npm ci --no-audit --no-fund
	@touch $@

bench: ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

# Each benchmark runs once, so that none rots.
bench-once: ## all benchmarks, once
	go test -run '^$$' -bench . -benchtime 1x ./... | { ! grep -E '^(---|FAIL|panic)'; }

# BASE is a revision; COUNT says how often each benchmark runs, BENCHTIME how long. The machine should have nothing else to do.
BASE      ?= HEAD~1
COUNT     ?= 6
BENCHTIME ?= 1s
bench-compare: ## all benchmarks of BASE and of the working tree, compared
	@tmp=$$(mktemp -d); trap 'git worktree remove --force '$$tmp'/base; rm -r '$$tmp EXIT; git worktree add -q --detach $$tmp/base $(BASE); \
	(cd $$tmp/base && go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(COUNT) ./... >$$tmp/base.txt); \
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(COUNT) ./... >$$tmp/now.txt; \
	go run $(BENCHSTAT) base=$$tmp/base.txt now=$$tmp/now.txt

# ARGS chooses rows, lengths and peers: make bench-peers ARGS='-rows call-http -time 5s'. See bench/README.md.
bench-peers: bin/bench ## the whole gateway beside reverse proxies and other gateways
	@cd bench && ../bin/bench -source .. $(ARGS)

.PHONY: bin/bench # go knows whether there is something to build
bin/bench:
	@cd bench && go build -o ../bin/bench .
