#!/usr/bin/env bash
# What a robot finds out that looks for phones to guess passwords of (SIPVicious): nothing. Phones that exist get the answers of
# those that do not, to each method that it can ask by.   tests/wire/sipvicious.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/sipvicious.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/python_tool.bash
. tests/wire/lib/python_tool.bash
python_tool sipvicious 0.3.8 sipvicious_svwar
if [ -z "${REGISTRAR:-}" ]; then
  write_config "${PROVISION:-tests/wire/phones.json}"
  start_server "$binary"
fi
port=${REGISTRAR:-$sip_port}
export HOME=$folder

# scan WHAT ARGUMENT...: its findings in $folder/WHAT.
scan() {
  local what=$1
  shift
  timeout 60 "$tool" -p "$port" -b 127.0.0.3 "$@" 127.0.0.1 >"$folder/$what" 2>&1 || true
}

verdict=0
for method in REGISTER INVITE OPTIONS; do
  for force in "" --force; do
    scan "$method$force" -m $method -e 995-1010 $force
    # 1001 to 1004 are there. Who finds them and the others alike has found nothing, either.
    alike=$(grep -cE '^\| (99[5-9]|1000|10(05|06|07|08|09|10)) ' "$folder/$method$force" || true)
    found=$(grep -cE '^\| 100[1-4] ' "$folder/$method$force" || true)
    if { [ "$found" = 0 ] && [ "$alike" = 0 ]; } || { [ "$found" = 4 ] && [ "$alike" = 12 ]; }; then
      echo "  $method${force:+, forced}: found nothing"
    else
      echo "  $method${force:+, forced}: phones are told apart ($found of 4 that are there, $alike of 12 that are not):"
      tail -n 30 "$folder/$method$force" | sed 's/^/      | /'
      verdict=1
    fi
  done
done

if [ -z "${REGISTRAR:-}" ]; then
  # That the robot can find something at all: a number that is open to everybody.
  printf 'echo\nnobody-here\n' >"$folder/names"
  scan control -m INVITE -d "$folder/names"
  grep -q '^| echo ' "$folder/control" || { echo "  the robot did not even find the number echo:"; sed 's/^/      | /' "$folder/control"; verdict=1; }
  at_rest 15 'calls call_streams media_worker_open_streams' || verdict=1
  unharmed call_panics_total || verdict=1
  stop_server || verdict=1
fi
exit $verdict
