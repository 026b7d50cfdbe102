# Testing tools that are Python programs: sourced, not run. They live in a folder of their own under target/ and are fetched
# once; where that cannot be done, the script that wants one says so and is left out.
#
#   python_tool PACKAGE VERSION PROGRAM   sets $tool to the program's path, or ends the script with code 0 after saying why

python_tool() {
  local place
  place=$(realpath -m "${CARGO_TARGET_DIR:-target}/wire-tools")
  tool=$place/bin/$3
  local mark=$place/$1-$2
  [ -e "$mark" ] && [ -x "$tool" ] && return
  if ! python3 -m venv "$place" >"$folder/venv.log" 2>&1 ||
    ! timeout 300 "$place/bin/pip" install -q "$1==$2" >>"$folder/venv.log" 2>&1; then
    echo "  skipped: $1 $2 could not be fetched: $(tail -n 1 "$folder/venv.log")"
    exit 0
  fi
  : >"$mark"
}
