#!/usr/bin/env bash
# Schemathesis asks the REST API whatever its own description allows, and much that it does not: no answer may be a 500, and each
# must be as the description says.   tests/wire/schemathesis.sh BINARY [SECONDS]
# API=http://HOST:PORT asks a server that is there already, with the key KEY.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:?usage: tests/wire/schemathesis.sh BINARY [SECONDS]}")
seconds=${2:-60}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/python_tool.bash
. tests/wire/lib/python_tool.bash
python_tool schemathesis 4.32.5 schemathesis
if [ -z "${API:-}" ]; then
  write_config tests/wire/phones.json
  start_server "$binary"
fi
api=${API:-http://127.0.0.1:$http_port}
verdict=0
# The same seed each time: what failed once fails again. It leaves files where it is started.
cd "$folder"
HOME=$folder timeout -k 5 $((seconds * 3 + 60)) "$tool" run "$api/openapi.json" --url "$api" \
  --header "Authorization: Bearer ${KEY:-vb_WireWireWireWireWireWireWireWire}" --seed 20260101 --max-examples 30 --max-time "$seconds" \
  --phases examples,coverage,fuzzing --request-timeout 5 --max-failures 20 --no-color --warnings off \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  >"$folder/report" 2>&1 || verdict=1
if [ $verdict = 0 ]; then
  grep -E 'Tested|test cases|generated|API Operations|passed' "$folder/report" | sed 's/^/  /' | tail -n 6
else
  grep -v '^$' "$folder/report" | tail -n 80 | sed 's/^/      | /'
fi
if [ -n "$server" ]; then
  unharmed call_panics_total || verdict=1
  stop_server || verdict=1
fi
exit $verdict
