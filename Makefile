# Every check is one word away. `make` alone lists the words. Go and make are enough
# for build, run, test, fuzz, bench and lint; race wants a C compiler, as Go's race
# detector does.

GO       ?= go
FUZZTIME ?= 10s
MINUTES  ?= 2
HOURS    ?= 0.03
SEEDS    ?= 0
FIRST    ?= 1
VERSION  ?= $(or $(shell git describe --tags --dirty 2>/dev/null),0.1.0)
COMMIT   ?= $(shell git rev-parse --verify --quiet HEAD 2>/dev/null)
DATE     ?= $(shell date -u '+%Y-%m-%d %H:%M UTC')
SOURCE   ?= $(or $(shell git config --get remote.origin.url 2>/dev/null),gokeeper)
ARCH     ?= $(shell $(GO) env GOARCH)

STAMP  = -X 'main.version=$(VERSION)' -X 'main.commit=$(COMMIT)' -X 'main.date=$(DATE)'
BUILD  = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w $(STAMP)"
MAIN   = ./server/cmd/gokeeper
GOFMT  = $(shell $(GO) env GOROOT)/bin/gofmt

.DEFAULT_GOAL := help
.PHONY: help build run test race fuzz bench lint check sim mutations conformance integration mixed faults soak image release

help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the static binary bin/gokeeper, and one for linux/arm64
	$(BUILD) -o bin/gokeeper $(MAIN)
	GOOS=linux GOARCH=arm64 $(BUILD) -o bin/gokeeper-linux-arm64 $(MAIN)

run: ## a standalone server on port 2181 with its data in ./data
	$(BUILD) -o bin/gokeeper $(MAIN)
	exec bin/gokeeper start-foreground

test: ## all tests, beside Java's servers where they are installed; not those in containers
	$(GO) vet ./...
	$(GO) test ./...

race: ## all tests under the race detector
	$(GO) test -race ./...

fuzz: ## every fuzz target for FUZZTIME (10s) each
	GO='$(GO)' scripts/fuzz.sh $(FUZZTIME)

bench: ## all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./server/...

lint: ## formatting, vet, staticcheck
	@bad=$$($(GOFMT) -l server integration) && test -z "$$bad" || { echo "not formatted: $$bad"; exit 1; }
	$(GO) vet -tags containers ./...
	$(GO) tool staticcheck -tags containers ./...

check: lint test ## what must pass before a commit

sim: ## ensembles in virtual time: for two minutes, or SEEDS of them, from seed FIRST (1) on
	$(GO) test -count=1 -v -timeout 0 -run TestSeeds ./server/sim -args -first $(FIRST) $(if $(filter 0,$(SEEDS)),-seeds 1000000 -until 2m,-seeds $(SEEDS))

mutations: ## deliberate mistakes, and which seed finds each: writes testdata/found.txt
	$(GO) test -count=1 -v -timeout 0 -run TestMutations ./server/sim -args -mutations -found

conformance: ## the test suites of two foreign clients
	integration/conformance/run.sh

integration: ## the image in containers, alone, in ensembles and by the compose files
	@docker version >/dev/null 2>&1 || { echo "make integration: there is no Docker engine, see docker version"; exit 1; }
	@docker compose version >/dev/null 2>&1 || { echo "make integration: docker compose is missing, scripts/compose.sh installs it on Debian"; exit 1; }
	@$(MAKE) --no-print-directory image
	$(GO) test -count=1 -v -timeout 20m -parallel 4 -tags containers ./integration/containers

mixed: ## every combination of ensembles with Java's servers (about 15 minutes)
	GOKEEPER_MIXED=all $(GO) test -count=1 -v -timeout 60m -run 'TestMixed|TestRolling|TestGrowth' ./integration

faults: ## an ensemble in network namespaces through MINUTES (2) of faults; wants root
	cd integration/faults && GOKEEPER_FAULTS=$(MINUTES) $(GO) test -count=1 -v -timeout 0 .

soak: ## an ensemble, Java in it, under load for HOURS (0.03): memory and goroutines must stay flat
	GOKEEPER_SOAK=$(HOURS) $(GO) test -count=1 -v -timeout 0 -run TestSoak ./integration

image: ## the container image gokeeper:dev, also tagged with the version
	GOOS=linux GOARCH=$(ARCH) $(BUILD) -o dist/linux_$(ARCH)/gokeeper $(MAIN)
	VERSION='$(VERSION)' REVISION='$(COMMIT)' SOURCE='$(SOURCE)' scripts/image.sh dist/linux_$(ARCH)/gokeeper gokeeper:dev gokeeper:$(VERSION)

release: ## binaries, images and checksums of VERSION in dist/VERSION
	GO='$(GO)' scripts/release.sh $(VERSION)
