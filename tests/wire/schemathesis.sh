#!/usr/bin/env bash
# Schemathesis asks the REST API whatever its own description allows, and much that it does not: no answer may be a 500, and each
# must be as the description says. Calls are up meanwhile, so that there is something to ask about; every operation must have
# succeeded at least once.   tests/wire/schemathesis.sh BINARY [SECONDS]
# API=http://HOST:PORT asks there instead: a proxy before this server that spoils answers, to see that it is told.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:?usage: tests/wire/schemathesis.sh BINARY [SECONDS]}")
seconds=${2:-60}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/python_tool.bash
. tests/wire/lib/python_tool.bash
python_tool schemathesis 4.32.5 schemathesis
write_config tests/wire/phones.json
start_server "$binary"
verdict=0
hooks=$(realpath tests/wire/lib)

# callers NUMBER CALLS SECONDS: calls that are there to be asked about, which the robot hangs up as it likes.
callers() {
  "$binary" load "sip:$1@127.0.0.1:$sip_port" --mode setup --calls "$2" --rate 10 --hold "$3000" --duration "$3" --no-progress \
    >"$folder/callers-$1" 2>&1 || true
}
# What is sent by webhook in between is taken on this machine.
sink_port=$(free_range 25400 25499 1)
"$binary" load webhook-sink --listen "127.0.0.1:$sink_port" >"$folder/sink" 2>&1 &
sink=$!
callers recorded 6 5
callers echo 8 "$seconds" &
echo_callers=$!
callers conf 8 "$seconds" &
conf_callers=$!

# The same seed each time: what failed once fails again. It leaves files where it is started.
cd "$folder"
api=${API:-http://127.0.0.1:$http_port}
HOME=$folder PYTHONPATH=$hooks PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=api_hooks API=$api API_UNREACHED=$folder/unreached \
  API_SINK=http://127.0.0.1:$sink_port/ KEY=vb_WireWireWireWireWireWireWireWire \
  timeout -k 5 $((seconds * 2 + 60)) "$tool" run "$api/openapi.json" --url "$api" \
  --header "Authorization: Bearer vb_WireWireWireWireWireWireWireWire" --seed 20260101 --max-examples 30 --max-time "$seconds" \
  --phases coverage,fuzzing,stateful --request-timeout 5 --max-failures 20 --no-color --warnings off \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  >"$folder/report" 2>&1 || verdict=1
if [ $verdict = 0 ]; then
  grep -E 'Tested:|generated' "$folder/report" | sed 's/^/  /'
else
  grep -v '^$' "$folder/report" | tail -n 80 | cut -c 1-300 | sed 's/^/      | /'
fi
if [ ! -e "$folder/unreached" ]; then
  echo "  the hooks of tests/wire/lib/api_hooks.py were not used"
  verdict=1
elif [ -s "$folder/unreached" ]; then
  echo "  these operations never succeeded, so little was seen of them:"
  sed 's/^/      | /' "$folder/unreached"
  verdict=1
else
  echo "    each operation succeeded at least once"
fi
wait $echo_callers $conf_callers
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total || verdict=1
stop_server || verdict=1
kill -INT $sink && wait $sink || true
exit $verdict
