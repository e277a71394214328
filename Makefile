# The commands of this repository. "make help" lists them.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PARALLEL    := -p 2

.PHONY: help build run check test bench bench-peers

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

# ARGS chooses rows, lengths and peers: make bench-peers ARGS='-rows call-http -time 5s'. See bench/README.md.
bench-peers: ## the whole gateway beside reverse proxies and other gateways
	@cd bench && go build -o ../bin/bench . && ../bin/bench -source .. $(ARGS)
