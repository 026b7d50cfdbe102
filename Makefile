# Each target brings what it needs and can be repeated at will. Debian 12 or Ubuntu with Rust is enough to begin with;
# where Rust is missing or too old it is installed after saying so.

SHELL := /bin/bash
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),target)

# Where rustup puts cargo, in case this shell does not know it yet.
ifneq ($(wildcard $(HOME)/.cargo/bin),)
export PATH := $(HOME)/.cargo/bin:$(PATH)
endif
WITH_CARGO := export PATH="$$HOME/.cargo/bin:$$PATH";

.PHONY: help run build test unit bench figures fuzz soak sounds clean

help: ## Show this list
	@echo 'make <target>:'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

run: ## Build the server and start it with conf/flowswitch.toml; Ctrl-C ends it
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo build --release --locked -p server
	@exec $(TARGET)/release/flowswitch serve --config conf/flowswitch.toml

build: ## Build the server: target/release/flowswitch
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo build --release --locked -p server

test: ## Run every check that CI runs: format, lints, documentation, calls on the wire, tests
	@scripts/setup.sh test
	@scripts/check.sh

unit: ## Run the tests of the code only
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo test --workspace --release --locked

bench: ## Measure the parts that must be fast
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo bench --locked

figures: ## Measure all that the server must reach, FIGURE_SECONDS a run (default 60); BROKEN=1 shows each check fail
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo build --release --locked -p server
	@$(WITH_CARGO) scripts/figures.sh $(if $(BROKEN),--broken) $(TARGET)/release/flowswitch $(FIGURE_SECONDS)

fuzz: ## Feed every parser with random input for FUZZ_SECONDS each (default 60)
	@scripts/setup.sh run
	@$(WITH_CARGO) fuzz/run $(or $(FUZZ_SECONDS),60)

soak: ## Call the server for SOAK_SECONDS (default 3600) and watch memory and descriptors
	@scripts/setup.sh run
	@$(WITH_CARGO) cargo build --release --locked -p server
	@scripts/soak.sh $(TARGET)/release/flowswitch $(or $(SOAK_SECONDS),3600)

sounds: ## Make the sounds of media/ again (needs python3; installs nothing: espeak-ng must be there)
	@python3 media/make_sounds.py

clean: ## Delete what was built
	@$(WITH_CARGO) cargo clean
