# inferwatch: `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION    := 0.1.0
TOOLS      := $(CURDIR)/.tools
GO_BUILD   := go build -trimpath -ldflags="-s -w"
# go-nvml's header declares what NVIDIA has deprecated; without this a build prints pages of warnings.
export CGO_CFLAGS := -O2 -g -Wno-deprecated-declarations
export PATH := $(TOOLS):$(PATH)
export INFERWATCH_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/inferwatch
# One package at a time where linking is heavy: a link of the collector takes 3.8 GB.
GO_TEST    := go test -race -timeout 20m
E2E        := go test -v -count=1 -timeout 40m

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

##@ the product
.PHONY: build run gpu-demo up
build: bin/inferwatch bin/inferwatchctl bin/inferwatchnvml ## build bin/inferwatch, its helper inferwatchnvml, and inferwatchctl

bin/inferwatch: $(shell find cmd/inferwatch connector extension internal receiver -name '*.go' -not -name '*_test.go') cmd/inferwatch/go.mod
	@scripts/prerequisites run
	@scripts/progress "building $@ (about 10 minutes the first time on two cores, then seconds)" \
	  bash -c 'cd cmd/inferwatch && $(GO_BUILD) -o ../../$@ .'

bin/inferwatchctl: $(shell find cmd/inferwatchctl internal -type f -not -name '*_test.go') go.mod
	@scripts/progress "building $@" $(GO_BUILD) -ldflags="-s -w -X main.version=$(VERSION)" -o $@ ./cmd/inferwatchctl

# Lazy binding: a driver's library that lacks a function must not keep the helper from starting.
bin/inferwatchnvml: $(shell find cmd/inferwatchnvml internal/nvmlwire -name '*.go' -not -name '*_test.go') go.mod
	@scripts/prerequisites run
	@scripts/progress "building $@" go build -trimpath -ldflags="-s -w -X main.version=$(VERSION) -extldflags=-Wl,-z,lazy" -o $@ ./cmd/inferwatchnvml

.PHONY: nvmlsim
nvmlsim: ## build the NVML stand-in, bin/nvmlsim/libnvidia-ml.so.1, with the C compiler alone
	@$(MAKE) --no-print-directory -C testbed/nvmlsim OUT="$(CURDIR)/bin/nvmlsim"

run: build ## the main job: build, start standalone, show what comes in
	@scripts/run-standalone

gpu-demo: build ## GPUs in the terminal: this machine's, or simulated ones (SIMULATE=1)
	@scripts/gpu-demo

up: build servers ## start real Elasticsearch, Prometheus and Tempo on loopback, and a gateway before them
	@scripts/run-with-backends

##@ checks
.PHONY: test unit example e2e outage-short outage proof validate lint vuln generate drift versions upgrade deploy-check servers facts
test: ## everything CI runs: lint, drift, unit, configs, deploy, end to end, short outages
	@scripts/prerequisites test
	@scripts/phases lint drift versions build servers validate unit deploy-check example e2e gpu-faults-short gpu-demo outage-short

unit: build servers ## unit tests of the components and of the test bed, bad input, golden cases
	$(GO_TEST) ./...
	cd testbed && go test -count=1 -timeout 20m ./cache ./process ./ports ./load ./query ./collector ./internal/... ./validate ./badinput ./golden ./gpusim ./gpureader ./gpubench
	@$(MAKE) --no-print-directory nvmlsim-check

example: ## tests of the example API
	cd examples/python && "$$(./setup.sh | tail -1)" -m pytest -q -rs | awk '{print} / skipped/ {skipped=1} END {exit skipped}'

servers: ## build the real servers of the tests into the cache
	cd testbed && go run ./cmd/servers build

e2e: build servers ## one request, found by its id in all three back-ends; logs of five libraries; templates missing; a full queue
	cd testbed && $(E2E) ./servers ./e2e ./dashboards

outage-short: build servers ## the outage cases in short, as CI runs them
	cd testbed && $(E2E) ./outage

.PHONY: nvmlsim-check gpu-faults-short gpu-faults gpu-bench gpu-check
nvmlsim-check: ## the stand-in against NVIDIA's header, its own integrals and contracts, under the sanitizers
	@d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; $(MAKE) --no-print-directory -s -C testbed/nvmlsim check OUT="$$d" \
	  NVML_H="$$(go list -m -f '{{.Dir}}' github.com/NVIDIA/go-nvml)/pkg/nvml/nvml.h"

gpu-faults-short: build ## each of 13 GPU faults under collection, in short, as CI runs them
	cd testbed && $(E2E) -parallel 4 ./gpufaults

gpu-faults: build ## the same in full, hangs of 60 s and 1,000 cycles: what was reported, what was lost (13 minutes)
	@rm -f docs/proof/gpu-faults.md.new
	cd testbed && go test -v -count=1 -timeout 60m -parallel 4 ./gpufaults -full -report "$(CURDIR)/docs/proof/gpu-faults.md.new"
	@mv docs/proof/gpu-faults.md.new docs/proof/gpu-faults.md

gpu-bench: build ## a collection of 8 GPUs against a bare C loop of the same calls, and what 10 Hz of sampling cost
	cd testbed && go run ./gpubench $(if $(GPU_PEER),-peer $(GPU_PEER)) -report "$(CURDIR)/docs/proof/gpu-bench.md"

gpu-check: bin/inferwatchnvml ## every reading of this machine's GPUs beside nvidia-smi's
	@bin/inferwatchnvml check

outage: build servers ## the outage cases in full, 60 s each: about 40 minutes
	@rm -f docs/proof/outage.md.new
	cd testbed && go test -v -count=1 -timeout 120m ./outage -full -report "$(CURDIR)/docs/proof/outage.md.new"
	@scripts/outage-report docs/proof/outage.md.new docs/proof/outage.md

proof: outage gpu-faults ## what takes long; reports in docs/proof/

validate: build ## every configuration, and every YAML in README and docs, passes `inferwatch validate`
	cd testbed && go run ./cmd/validate -bin "$(CURDIR)/bin/inferwatch" -root "$(CURDIR)"

lint: $(TOOLS)/golangci-lint ## golangci-lint on all modules of ours
	golangci-lint run ./...
	cd testbed && golangci-lint run ./...

vuln: $(TOOLS)/govulncheck ## known vulnerabilities (needs the vulnerability database)
	govulncheck ./...
	cd cmd/inferwatch && govulncheck .

generate: $(TOOLS)/builder $(TOOLS)/mdatagen ## mdatagen and ocb write what is generated
	go generate ./...
	builder --config builder-config.yaml --skip-compilation > /dev/null 2> .tools/ocb.log || { cat .tools/ocb.log; exit 1; }

drift: generate ## what is generated is what is committed
	@scripts/no-diff cmd/inferwatch connector extension receiver processor exporter go.mod go.sum

versions: ## modules that cmd/inferwatch and the root share have one version
	@cd cmd/tools && go run ./versions ../../go.mod ../inferwatch/go.mod

upgrade: ## upgrade to the versions now in builder-config.yaml: regenerate, align the root, tidy, build, validate
	$(MAKE) generate
	cd cmd/tools && go run ./versions -align ../../go.mod ../inferwatch/go.mod
	go mod tidy
	$(MAKE) generate versions build validate

deploy-check: build ## systemd units and Kubernetes manifests against the real tools and schemas
	INFERWATCH_BIN="$(CURDIR)/bin/inferwatch" deploy/check.sh

facts: build ## binary size, cold and warm build time, idle memory, with the machine's size (10 minutes)
	@scripts/facts

.PHONY: tools
tools: $(addprefix $(TOOLS)/,builder mdatagen golangci-lint govulncheck) ## build the pinned tools into .tools/

# The tools, each from the module that pins it.
$(TOOLS)/builder $(TOOLS)/mdatagen: PACKAGE = go.opentelemetry.io/collector/cmd/$(@F)
$(TOOLS)/golangci-lint: PACKAGE = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/govulncheck: PACKAGE = golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/%: cmd/tools/go.mod
	@scripts/progress "building the tool $*" go build -modfile=cmd/tools/go.mod -o $@ $(PACKAGE)
