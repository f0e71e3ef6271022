# Everything that is done with this tree. It needs Go and make; what else a target needs, it installs.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The version of a release; without it the program calls itself devel.
VERSION ?=
# How long each fuzz test runs: so many inputs, or a duration such as 30s. (With durations, go test fails now and then when the
# time is over in the middle of an input.)
FUZZTIME ?= 50000x
# What a benchmark gets as arguments.
BENCHFLAGS ?=
# The commit that `make hotpaths` compares with.
BASE ?= HEAD
# The clients of `make conformance`; empty is all of them.
CLIENTS ?=
# How many seeds `make simulation` runs, from number FIRST on.
SEEDS ?= 10000
FIRST ?= 1

version_flag = $(if $(VERSION),-X github.com/staunchmq/staunch/internal/version.release=$(VERSION))
testall = go run ./tools/testall -fuzztime $(FUZZTIME)

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Build bin/staunch
	CGO_ENABLED=0 go build -trimpath -ldflags '$(version_flag)' -o bin/staunch ./cmd/staunch

.PHONY: test
test: needs ## Run every test: the steps below, real clients included
	$(testall)

.PHONY: check
check: test ## The same as test; it is what CI runs

.PHONY: quick
quick: ## Run what takes a minute: build, format, vet, lint, unit
	$(testall) build format vet lint unit

.PHONY: lint
lint: ## Check the form: gofmt, go vet, staticcheck
	$(testall) format vet lint

.PHONY: unit
unit: ## Run the tests of every package
	$(testall) unit

.PHONY: race
race: needs ## Run those with goroutines with the race detector
	$(testall) race

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME, with another seed each time
	GODEBUG=fuzzseed=$$(date +%s) $(testall) fuzz

.PHONY: simulation
simulation: ## Run SEEDS worlds with crashes and faults
	STAUNCH_SIMULATION_SEEDS=$(SEEDS) STAUNCH_SIMULATION_FIRST=$(FIRST) go test ./simulation -count=1 -timeout=0 -run '^TestSeeds$$' -v

.PHONY: chaos
chaos: ## Kill real processes and look what is lost
	$(testall) build chaos

.PHONY: conformance
conformance: build ## Run real clients of other languages, or CLIENTS="go cli", also on a hardened server
	conformance/run.sh $(CLIENTS)
	$(if $(SQS_ENDPOINT),,conformance/run.sh --hardened $(CLIENTS))

.PHONY: bench
bench: build ## Measure what large numbers do, with BENCHFLAGS="-scenario …"
	go run ./bench -bin bin/staunch $(BENCHFLAGS)

.PHONY: hotpaths
hotpaths: ## Compare the benchmarks of the hot paths with those of the commit BASE
	bench/hotpaths.sh $(BASE)

.PHONY: compare
compare: ## Measure Staunch beside every other SQS server, and write docs/performance.md
	go run ./bench/compare -docs docs $(BENCHFLAGS)

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities, where vuln.go.dev can be reached
	$(testall) vulncheck

.PHONY: fmt
fmt: ## Format the Go files
	@find . \( -name '.?*' -o -name node_modules \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -w

.PHONY: docs
docs: ## Write the pages that are made from tables
	go test ./internal/config -run TestPageIsCurrent -update

.PHONY: clean
clean: ## Remove what was built and installed here
	rm -rf bin .cache

.PHONY: needs
needs:
	@tools/needs.sh
