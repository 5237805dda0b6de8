export CGO_ENABLED = 0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s

.PHONY: help run build test lint fuzz fuzz-api bench bench-sessions

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1@/p' Makefile | awk -F@ '{ printf "%-14s%s\n", $$1, $$2 }'

run: ## Start Portico with its demo on this machine; data in ./portico-data
	@PORTICO_DATA_DIR=./portico-data go run -ldflags "-X main.version=$(VERSION)" ./cmd/portico demo

build: ## Build the static binary build/portico
	go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=$(VERSION)" -o build/portico ./cmd/portico

test: ## Run all tests, with PostgreSQL and Chromium; installs what is missing
	@.ci/test

lint: ## Check the format of the Go files, and vet them
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then printf 'gofmt -w would change:\n%s\n' "$$unformatted"; exit 1; fi
	@go vet ./... ./.ci/gotest

fuzz: ## Run each fuzz target for FUZZTIME, 10s if not set
	@git ls-files -co --exclude-standard '*_test.go' | xargs grep -Ho '^func Fuzz\w*' | while IFS=: read -r file target; do \
	  go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" || exit 1; \
	done

fuzz-api: ## Drive the management API by its own OpenAPI document, with schemathesis from PyPI
	@.ci/schemathesis

bench: build ## Measure the hot paths beside bare handlers on the same machine
	@go run ./server/bench

bench-sessions: ## Measure what is asked of a million sessions of one application
	@go test -run '^$$' -bench MillionSessions -benchtime 3x ./storage
