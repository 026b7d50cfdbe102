# Testing tools that are Node packages: sourced, not run. They live in a folder of their own under target/ and are fetched once;
# where that cannot be done, the script that wants one says so and is left out.
#
#   node_tool NAME@VERSION...   puts all of them where programs of node find them (NODE_PATH), or ends the script with code 0
#                               after saying why not

node_tool() {
  local place mark
  place=$(realpath -m "${CARGO_TARGET_DIR:-target}/wire-tools/node")
  mark=$place/have-$(printf '%s\n' "$@" | tr '/@' '--' | paste -s -d +)
  export NODE_PATH=$place/node_modules
  [ -e "$mark" ] && return
  mkdir -p "$place"
  # Scripts of packages are not run: nothing here needs one.
  if ! timeout 120 npm install --prefix "$place" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "$@" \
    >"$folder/npm.log" 2>&1; then
    echo "  skipped: $* could not be fetched: $(tail -n 1 "$folder/npm.log")"
    exit 0
  fi
  : >"$mark"
}
