#!/usr/bin/env bash
# Every check, in the order of how fast it fails. `make test` calls this; it stops at the first failure.
# Calls stay on 127.0.0.0/8. The licences of all dependencies are a test of crates/server.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"

step() { printf '\n== %s\n' "$*"; }

# Each release of Rust brings lints that nobody has seen here yet. With a newer one than Cargo.toml names they are shown and
# stop nothing; with that one, which CI has, no warning is let through.
written_with=$(sed -n 's/^rust-version *= *"\([0-9]*\.[0-9]*\).*/\1/p' Cargo.toml | head -n 1)
case "$(rustc --version)" in
  "rustc $written_with."*) denied=(-D warnings) ;;
  *) denied=() ;;
esac

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --release --locked --quiet -- "${denied[@]}"

step "documentation"
RUSTDOCFLAGS="${denied[*]}" cargo doc --workspace --no-deps --release --locked --quiet

step "build"
cargo build --workspace --release --locked --quiet

# Scripts that let other programs call the server: tests/wire/*.sh, each gets the path of the server's binary.
binary=${CARGO_TARGET_DIR:-target}/release/flowswitch
for script in tests/wire/*.sh; do
  [ -e "$script" ] || continue
  step "on the wire: $(basename "$script" .sh)"
  "$script" "$binary"
done

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
  cargo test --workspace --release --locked --quiet --doc
  cargo nextest run --workspace --release --locked --no-fail-fast --status-level fail --final-status-level fail
else
  cargo test --workspace --release --locked --quiet --no-fail-fast
fi
