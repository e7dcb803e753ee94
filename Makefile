# Everything a person does with this repository; `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(CURDIR)/.tools/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# A lock names everything: the resolver of older pips, asked, misses a pin where another package wants it with an extra.
LOCKED := --require-hashes --no-deps
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
REAL := .tools/real

OPA_VERSION := v1.22.2
HELM_VERSION := v3.22.0
# The Kubernetes that it renders for where none is named: as its own build has it, by the client library it is made with.
# Without, it takes v1.20, and refuses every chart that asks for a newer one.
HELM_KUBERNETES := $(foreach package,chartutil lint/rules,\
	-X helm.sh/helm/v3/pkg/$(package).k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$(package).k8sVersionMinor=37)
KUBECTL_VALIDATE_VERSION := v0.0.4
KEYCLOAK_VERSION := 26.4.7

ENGINE ?= docker
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' gateway/__init__.py)

ARGS ?=
export PATH := $(TOOLS):$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run cluster test check style types imports rego bench bench-peers soak test-real chart helm-schema image sbom tools \
	opa regal identity-provider keycloak chart-tools helm kubectl-validate has-go lock clean

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUNTIME) ## set everything up in .venv, from locked and hashed packages

run: $(RUNTIME) ## serve the gateway on http://127.0.0.1:8080 with demonstration releases (more: ARGS="--port 9000")
	$(BIN)/gateway serve --demo $(ARGS)

cluster: $(RUNTIME) ## PostgreSQL, OPA, two gateways and nginx on loopback, until ctrl-C (more: ARGS="--port 9000")
	$(BIN)/python -m tools.cluster $(ARGS)

test: $(DEVELOPMENT) ## run the tests (some of them: ARGS="tests/ledger -k crash")
	$(BIN)/python -m pytest $(ARGS)

check: style types imports rego test ## everything that must hold before a change lands

style: $(DEVELOPMENT) ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEVELOPMENT) ## the types
	$(BIN)/mypy

imports: $(DEVELOPMENT) ## who may import whom
	$(BIN)/lint-imports --no-cache

rego: ## the policies: format, compiler, tests, lint
	@for tool in opa regal; do command -v $$tool >/dev/null || \
		{ echo "$$tool is missing: run 'make tools', or put it on the PATH" >&2; exit 1; }; done
	opa fmt --fail --list policies
	opa check --strict --schema policies/schemas policies
	opa test policies
	regal lint policies

bench: $(DEVELOPMENT) ## measure, beside the peers that are at hand (see benchmarks/README.md)
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(DEVELOPMENT) ## install the peers of the benchmark into benchmarks/.peers
	$(BIN)/python -m benchmarks.install

soak: $(DEVELOPMENT) ## the heavy tests, whole: minutes to hours (needs `make identity-provider keycloak` once)
	RELEASE_GATEWAY_SOAK=1 $(BIN)/python -m pytest -m soak $(ARGS)
	$(BIN)/python -m pytest tests/real/test_keycloak.py

test-real: $(DEVELOPMENT) $(REAL)/.installed ## a real model behind the gateway, called by the official client
	REAL_MODEL_PYTHON=$(CURDIR)/$(REAL)/bin/python $(BIN)/python -m pytest tests/real/test_real_model.py $(ARGS)

chart: $(DEVELOPMENT) ## the Helm chart, its alerts and its dashboard (needs `make chart-tools`)
	$(BIN)/python -m pytest tests/helm $(ARGS)

helm-schema: $(DEVELOPMENT) ## write the gateway's settings into the chart's schema of values
	$(BIN)/python tools/chart_settings.py

image: ## build the image with docker or what ENGINE names, on a base pinned by digest: BASE=python:3.13-slim-bookworm@sha256:…
	@case "$(BASE)" in *@sha256:*) ;; *) echo "name the base by its digest: make image BASE=python:3.13-slim-bookworm@sha256:…" >&2; exit 1;; esac
	$(ENGINE) build --build-arg BASE=$(BASE) --tag release-gateway:$(VERSION) .

sbom: ## write what the gateway is made of as sbom.cdx.json (CycloneDX), from the lock
	$(PYTHON) tools/sbom.py

tools: opa regal ## build opa and regal into .tools/bin (needs go)

opa: | has-go
	GOBIN=$(TOOLS) go install github.com/open-policy-agent/opa@$(OPA_VERSION)

# Built from a module of its own, whose go.sum pins all that goes into it.
regal: | has-go
	cd tools/regal && go build -buildvcs=false -o $(TOOLS)/regal github.com/styrainc/regal

identity-provider: ## install the OpenID provider and the browser's driver that the tests of signing in use (needs node and npm)
	cd tools/identity-provider && npm ci --ignore-scripts --no-audit --no-fund

keycloak: ## install Keycloak into .tools, for the tests of signing in at it (needs maven, java and unzip)
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
		-Dartifact=org.keycloak:keycloak-quarkus-dist:$(KEYCLOAK_VERSION):zip -DoutputDirectory=$(CURDIR)/.tools
	cd .tools && unzip -q -o keycloak-quarkus-dist-$(KEYCLOAK_VERSION).zip && rm -rf keycloak && mv keycloak-$(KEYCLOAK_VERSION) keycloak

chart-tools: helm kubectl-validate ## build helm and kubectl-validate into .tools/bin (needs go); promtool is Debian's `prometheus`
	@command -v promtool >/dev/null || echo "promtool is missing: install Debian's package prometheus" >&2

helm: | has-go
	GOBIN=$(TOOLS) go install -ldflags='-s $(HELM_KUBERNETES)' helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

kubectl-validate: | has-go
	GOBIN=$(TOOLS) go install -ldflags=-s sigs.k8s.io/kubectl-validate@$(KUBECTL_VALIDATE_VERSION)

has-go:
	@command -v go >/dev/null || { echo "go is missing: install it, or put the tools on the PATH" >&2; exit 1; }

lock: $(DEVELOPMENT) ## resolve the dependencies anew (to move them: ARGS=--upgrade)
	$(BIN)/uv pip compile $(LOCKING) pyproject.toml --extra traces --group build --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCKING) pyproject.toml --extra traces --group build --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock

LOCKING = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(ARGS)

clean: ## remove what was built and installed here; data folders stay
	rm -rf $(VENV) .tools dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Python 3.11 to 3.13 is needed; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install $(LOCKED) -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# The server of the real model is compiled: about six minutes on two cores, once; it needs a C++ compiler.
# GGML_NATIVE=OFF, since a build for the very processor crashes at the first token on some virtual machines.
$(REAL)/.installed: benchmarks/real.lock
	$(PYTHON) -m venv $(REAL)
	CMAKE_ARGS=-DGGML_NATIVE=OFF $(REAL)/bin/python -m pip --disable-pip-version-check --quiet install \
		$(LOCKED) -r benchmarks/real.lock
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(PIP) install $(LOCKED) -r requirements-dev.lock
	$(PIP) check
	@touch $@
