#!/usr/bin/env bash
# JsSIP, the SIP library of web pages, registers and calls over WebSocket:   tests/wire/websocket.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/websocket.sh BINARY}
command -v node >/dev/null || { echo "node is missing (package nodejs)"; exit 1; }
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/node_tool.bash
. tests/wire/lib/node_tool.bash
node_tool jssip@3.13.8 ws@8.18.3
write_config tests/wire/phones.json
start_server "$binary"

verdict=0
: >"$folder/phone"
timeout -k 2 60 node tests/wire/lib/websocket_phone.js "$http_port" "$(free_range 31500 31899 2)" >"$folder/phone" 2>&1 &
phone=$!
for _ in $(seq 400); do
  grep -q 'waiting for the end' "$folder/phone" && break
  kill -0 $phone 2>/dev/null || break
  sleep 0.1
done
if kill -0 $phone 2>/dev/null; then
  unharmed call_panics_total edge_dialog_full_total sip_connections_not_read_total || verdict=1
  stop_server || verdict=1
fi
wait $phone || verdict=1
grep -v 'waiting for the end' "$folder/phone"
exit $verdict
