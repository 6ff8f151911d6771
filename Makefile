# Every check is one word away. `make` alone lists the words.

GO       ?= go
FUZZTIME ?= 10s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE     ?= $(shell date -u '+%Y-%m-%d %H:%M UTC')
LDFLAGS   = -s -w -X 'main.version=$(VERSION)' -X 'main.commit=$(COMMIT)' -X 'main.date=$(DATE)'
BUILD     = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)"

.DEFAULT_GOAL := help
.PHONY: help build run test race fuzz bench lint check conformance integration image

help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the static binary bin/gokeeper, and one for linux/arm64
	$(BUILD) -o bin/gokeeper ./server/cmd/gokeeper
	GOOS=linux GOARCH=arm64 $(BUILD) -o bin/gokeeper-linux-arm64 ./server/cmd/gokeeper

run: ## a standalone server on port 2181 with its data in ./data
	$(BUILD) -o bin/gokeeper ./server/cmd/gokeeper
	bin/gokeeper start-foreground

test: ## all tests
	$(GO) vet ./...
	$(GO) test ./...

race: ## all tests under the race detector
	$(GO) test -race ./...

fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bench: ## all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./server/...

lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l server integration)" || { gofmt -l server integration; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

check: lint test ## what must pass before a commit

conformance: build ## the test suites of two foreign clients
	integration/conformance/run.sh

integration: ## black-box tests of the binary, also against Java where it is installed
	$(GO) test -count=1 -v ./integration/...

image: build ## the container image
	@test -f images/Dockerfile || { echo "make image: images/Dockerfile is not there yet"; exit 1; }
	docker build -t gokeeper:dev -f images/Dockerfile .
