#!/usr/bin/env bash
# Brings what `make run` or `make test` needs, and only what is missing:   scripts/setup.sh run|test
# Safe to run any number of times; when nothing is missing it changes nothing and says nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-}
case "$purpose" in
  run | test) ;;
  *) echo "usage: scripts/setup.sh run|test" >&2; exit 2 ;;
esac

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- Debian packages -------------------------------------------------------------------------------------------------
# command it brings : package : why
needed=(
  'cc:build-essential:the linker of Rust programs, and the C parts of mimalloc and ring'
  'espeak-ng:espeak-ng:speaks the texts of the flow action talk, as a program beside the server'
)
if [ "$purpose" = test ]; then
  needed+=(
    'sipp:sip-tester:plays the callers of sipp-scenarios/'
    'baresip:baresip-core:a real softphone that calls the server'
    'sox:sox:hears whether what was recorded and spoken is sound'
    'linphonec:linphone-cli:another real softphone'
    'node:nodejs:runs JsSIP, the SIP library of web pages'
    'npm:npm:fetches it'
  )
fi

missing=()
for entry in "${needed[@]}"; do
  IFS=: read -r command package why <<<"$entry"
  command -v "$command" >/dev/null 2>&1 && continue
  say "$command is missing ($why): package $package"
  missing+=("$package")
done
# Debian's python3 comes without what makes a folder of its own for such a program.
if [ "$purpose" = test ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  say "Python's venv is missing (for testing tools that are Python programs): package python3-venv"
  missing+=(python3-venv)
fi

# as_root COMMAND...: as it is for root, else by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    die "not root and no sudo; please run as root: $*"
  fi
}

# install_packages PACKAGE...
install_packages() {
  command -v apt-get >/dev/null 2>&1 || die "this is no Debian or Ubuntu; please install what these packages hold there: $*"
  say "installing: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

# --- Rust ------------------------------------------------------------------------------------------------------------
wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml | head -n 1)
[ -n "$wanted" ] || die "Cargo.toml does not say its rust-version"

if [ -d "$HOME/.cargo/bin" ]; then
  PATH="$HOME/.cargo/bin:$PATH"
fi

# fetch ADDRESS FILE
fetch() {
  curl --proto '=https' --tlsv1.2 -sSf "$1" -o "$2"
}

rust_is_new_enough() {
  local have
  have=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
  [ -n "$have" ] && command -v cargo >/dev/null 2>&1 &&
    [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

if ! rust_is_new_enough; then
  say "Rust $wanted or newer is needed; found: $(rustc --version 2>/dev/null || echo none)"
  if command -v rustup >/dev/null 2>&1; then
    say "updating the stable toolchain by rustup"
    rustup toolchain install stable --profile minimal
    rust_is_new_enough || rustup default stable
  else
    say "installing Rust by rustup (https://rustup.rs) into $HOME/.cargo and $HOME/.rustup"
    command -v curl >/dev/null 2>&1 || install_packages curl ca-certificates
    installer=$(mktemp)
    trap 'rm -f "$installer"' EXIT
    # The second is the same script where toolchains are kept, for networks that let through only that.
    fetch https://sh.rustup.rs "$installer" || fetch https://static.rust-lang.org/rustup/rustup-init.sh "$installer" ||
      die "rustup could not be fetched; install Rust $wanted or newer by hand (https://rustup.rs) and try again"
    sh "$installer" -y --profile minimal --default-toolchain stable --no-modify-path
    PATH="$HOME/.cargo/bin:$PATH"
  fi
  rust_is_new_enough || die "the installed Rust is still older than $wanted: $(rustc --version 2>&1)"
fi

if [ "$purpose" = test ]; then
  for component in rustfmt clippy; do
    "cargo-${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
    say "adding $component"
    command -v rustup >/dev/null 2>&1 || die "$component is missing and there is no rustup to add it"
    rustup component add "$component"
  done
fi
