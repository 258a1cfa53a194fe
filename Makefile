# Two commands do everything on a fresh machine: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
PY := .venv/bin/python
PYTEST := $(PY) -m pytest --durations=30 --durations-min=1
# Modules run beside each other; one module's tests stay in one process, because they share its servers.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
EXTRAS := dev serve train monitor ui staff mlflow
# Image builder for a machine without access to a registry; empty on any other.
TESTBED_BUILDER := $(if $(wildcard ../shared/testbed/build-image),$(abspath ../shared/testbed/build-image) --format docker -q)
CODE := chatbot data training bento monitoring ui k8s tools tests

certify: export STRICT := 1
certify: export E2E_OUTAGE_SECONDS ?= 600
images cluster integration e2e certify: export IMAGE_BUILDER ?= $(TESTBED_BUILDER)
export PYTHONPATH := $(CURDIR)
# Empty: bytecode is written; without it every start compiles a thousand modules again.
export PYTHONDONTWRITEBYTECODE :=
export BENTOML_DO_NOT_TRACK := True
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

## the two commands
.PHONY: run
run: $(if $(CORPUS),.venv/ready,bundle) ## train and serve: API on 3000, chat page on 8501; CORPUS=messages.csv REPLIES=replies.yaml: your own
	$(call say,API and chat page; stop with Ctrl-C)
	@exec $(PY) -m tools.run $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(REPLIES),--replies "$(REPLIES)") $(if $(TRAIN),"--train=$(TRAIN)")

.PHONY: test
test: prepared ## every check that needs no cluster; what this machine lacks is skipped and counted (STRICT=1: fails)
	$(call say,tests)
	@$(PYTEST) -m "not integration and not e2e and not certify" $(PARALLEL)

## for contributors
.PHONY: check
check: prepared ## the inner loop, in minutes: style, types, layers, and every test that starts no process
	$(call say,tests that start no process)
	@$(PYTEST) -m "not process and not certify" $(PARALLEL)

# `make -o images ...` uses the existing images without building them.
.PHONY: certify
certify: test integration e2e ## before an issue is closed, in hours: everything, what CI has no time for, and the benchmarks
	$(call say,what CI has no time for)
	@$(PYTEST) -m certify
	@$(MAKE) attack
	@$(PY) -m tools.bench

.PHONY: integration
integration: testbed images ## each part on a real cluster or in its container: chart, images, Compose, what acts on Kubernetes
	$(call say,the parts on a real cluster)
	@$(PYTEST) -m "integration and not certify" $(PARALLEL)

.PHONY: e2e
e2e: testbed images ## the whole on a real cluster, eight scenarios: ../shared/testbed has one for this machine
	$(call say,the whole on a real cluster)
	@$(PYTEST) -m "e2e and not certify" $(PARALLEL) tests/e2e

## the others
.PHONY: bundle
bundle: .venv/ready ## train the bundle in models/current from the corpus, where one of them has changed
	$(call say,corpus -> bundle (nothing is done twice))
	@$(PY) -m dvc repro

# Programs, and names for podman's containers where its networks are of the older kind (CNI).
.PHONY: testbed
testbed: # what this machine needs for a cluster, where ../shared/testbed is
	@[ ! -x ../shared/testbed/install ] || ../shared/testbed/install
	@[ ! -d /usr/lib/cni ] || [ -x /usr/lib/cni/dnsname ] || \
	  apt-get install -yqq --no-install-recommends golang-github-containernetworking-plugin-dnsname >/dev/null

.PHONY: setup
setup: ## install system packages that tests use (Debian, Ubuntu): a browser, npm for axe-core, Prometheus, pushgateway, faketime, curl, a JDK
	@missing=""; for program in npm prometheus prometheus-pushgateway faketime curl; do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	command -v chromium chromium-browser google-chrome >/dev/null || missing="$$missing chromium"; \
	command -v javac >/dev/null || missing="$$missing default-jdk-headless"; \
	if [ -n "$$missing" ]; then \
	  printf '\033[1m== installing%s\033[0m\n' "$$missing"; \
	  [ "$$(id -u)" = 0 ] && sudo="" || sudo=sudo; \
	  command -v apt-get >/dev/null || { echo "please install:$$missing"; exit 1; }; \
	  $$sudo apt-get update -qq; \
	  [ -n "$$(apt-cache search --names-only '^chromium$$')" ] || missing="$${missing/chromium/chromium-browser}"; \
	  $$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -yqq --no-install-recommends $$missing >/dev/null; \
	  case "$$missing" in *prometheus*) $$sudo systemctl disable --now prometheus prometheus-pushgateway 2>/dev/null || true;; esac; fi

# What comes before the tests, on both cores.
.PHONY: prepared
prepared: .venv/ready
	@$(MAKE) --no-print-directory -j2 lint bundle

.PHONY: lint style types layers
lint: style types layers ## ruff, mypy, import-linter
style: .venv/ready
	$(call say,style)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m ruff format --check $(CODE)

types: .venv/ready
	$(call say,types)
	@$(PY) -m mypy

layers: .venv/ready
	$(call say,layers)
	@.venv/bin/lint-imports

.PHONY: attack
attack: bundle ## attack the service on this machine, in 10 to 20 minutes: bad requests, floods, slow clients, kills, damaged bundles
	$(call say,attack on loopback)
	@$(PY) -m tests.attack

.PHONY: loop
loop: bundle ## the closed loop on this machine: a launch, drift, review, retraining, promotion, rollback; KEEP=1 STORE=folder
	@$(PY) -m tools.loop $(if $(KEEP),--keep) $(if $(STORE),--store $(STORE))

.PHONY: mlflow
mlflow: .venv/ready ## MLflow's server on 5000: runs, registry, artifacts in the store (CHATBOT_STORE_URL)
	@exec $(PY) -m training.mlflow_server

.PHONY: data-push
data-push: .venv/ready ## push the pipeline's corpus to DVC's remote in the store (CHATBOT_STORE_URL)
	@$(PY) -m training.dvc_remote push

.PHONY: data-pull
data-pull: .venv/ready ## pull the corpus that dvc.lock names from the store
	@$(PY) -m training.dvc_remote pull

.PHONY: bench
bench: bundle ## every figure of docs/results.md: quality, speed against the baseline, training time
	@$(PY) -m tools.bench

.PHONY: bench-speed
bench-speed: bundle ## speed and overload against the baseline, in about 12 minutes; fails when a figure is worse than its bar
	@$(PY) -m tools.bench.speed
	@$(PY) -m tools.bench.speed.stress

.PHONY: bench-quick
bench-quick: bundle ## the same with shorter windows and no overload, in under 3 minutes
	@$(PY) -m tools.bench.speed --quick

.PHONY: screenshot
screenshot: .venv/ready ## docs/images/chat.png, from a real browser
	@$(PY) -m tools.run --then $(PY) -m tools.pictures.chat_page

.PHONY: docs
docs: .venv/ready ## docs/settings.md, docs/metrics.md and helm/support-chatbot/files/dashboards, from the code
	@$(PY) -m tools.generate.docs

.PHONY: manifests
manifests: .venv/ready ## k8s/manifests, rendered from the chart (needs helm)
	@$(PY) -m tools.generate.chart

.PHONY: lock
lock: .venv/ready ## regenerate requirements/*.txt from pyproject.toml
	@for extra in $(EXTRAS); do \
	  .venv/bin/uv pip compile --quiet pyproject.toml --extra $$extra --generate-hashes --python-version 3.11 \
	    --no-annotate --no-emit-index-url --no-emit-find-links --no-header --unsafe-package support-chatbot \
	    --find-links "$${PIP_FIND_LINKS:-$(TORCH_INDEX)/torch/}" \
	    $$([ $$extra = dev ] || echo --constraint requirements/dev.txt) \
	    --output-file requirements/$$extra.txt; \
	  echo "requirements/$$extra.txt: $$(grep -c == requirements/$$extra.txt) packages"; done

.PHONY: images
images: bundle ## build every image (Docker or podman; IMAGE_BUILDER=..., PYTHON_IMAGE=python@sha256:... pins the base)
	@$(PY) -m tools.images build

.PHONY: env
env: .venv/ready ## write .env for Compose, with new secrets; values already in it are kept
	@$(PY) -m tools.generate.compose

.PHONY: push
push: .venv/ready ## push every image: make push REGISTRY=registry.example.com/team
	@[ -n "$${REGISTRY:-$(REGISTRY)}" ] || { echo "which registry? make push REGISTRY=registry.example.com/team"; exit 1; }
	@$(PY) -m tools.images push --registry "$${REGISTRY:-$(REGISTRY)}"

# The cluster: CONTEXT=... of your kubeconfig; without it ../shared/testbed's where that is, else the current one.
CLUSTER = $(PY) -m tools.cluster $(if $(CONTEXT),--context $(CONTEXT)) $(if $(NAMESPACE),--namespace $(NAMESPACE))

.PHONY: cluster
cluster: bundle ## the whole stack on a cluster; CONTEXT=... REGISTRY=... HELM="--set ..." CORPUS=messages.csv REPLIES=...
	@$(CLUSTER) up $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(REPLIES),--replies "$(REPLIES)") $(if $(TRAIN),"--train=$(TRAIN)") -- $(HELM)

.PHONY: cluster-down
cluster-down: .venv/ready ## delete what `make cluster` created
	@$(CLUSTER) down

.PHONY: release
release: images ## dist/: the chart, the manifests, all images with digests; REGISTRY=registry.example.com/team pushes them first
	$(call say,release -> dist)
	@$(PY) -m tools.release $(if $(REGISTRY),--registry $(REGISTRY))

.PHONY: clean
clean: ## delete what was built here; corpora, the log and .venv stay
	rm -rf .cache models data/processed mlruns bundle dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## list these commands
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv trusts the certificates of the system, as pip and git do, because a company's proxy may sign with its own.
# torch is installed first and separately, because only a build without CUDA is suitable. pip uses a local wheel if it
# finds one (find-links); otherwise it downloads the wheel from PyTorch's own index, with the same hash.
.venv/ready: requirements/dev.txt requirements/torch.txt requirements/uv.txt
	$(call say,environment in .venv (about 2.5 GB, once))
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11, or make PYTHON=..."; exit 1; }
	@[ -x $(PY) ] || $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --require-hashes -r requirements/uv.txt
	@.venv/bin/pip install --quiet --no-deps --require-hashes --no-index -r requirements/torch.txt 2>/dev/null || \
	  .venv/bin/pip install --no-deps --require-hashes --index-url $(TORCH_INDEX) -r requirements/torch.txt
	@.venv/bin/uv pip install --system-certs --python $(PY) --no-deps --require-hashes -r requirements/dev.txt
	@touch $@
