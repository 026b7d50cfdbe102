#!/usr/bin/env bash
# Calls a server of its own for a long time and fails when a call fails or something is left behind:
#     scripts/soak.sh BINARY SECONDS
# Everything stays on 127.0.0.0/8, on ports that no other server uses. The built-in caller runs in rounds of ten minutes
# and proves every frame; before the first and after each round memory and descriptors of the server are read.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:?usage: scripts/soak.sh BINARY SECONDS}
seconds=${2:?usage: scripts/soak.sh BINARY SECONDS}
calls=${SOAK_CALLS:-200}
folder=$(mktemp -d)
. tests/load/server.sh
sip_port=15060
http_port=18080
trap 'stop_server; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

FLOWSWITCH_DATA_DIR="$folder/data" FLOWSWITCH_SIP__UDP__ADDRESS=127.0.0.1 FLOWSWITCH_SIP__UDP__PORT=$sip_port \
  FLOWSWITCH_HTTP__ADDRESS=127.0.0.1 FLOWSWITCH_HTTP__PORT=$http_port FLOWSWITCH_LOG__LEVEL=warn \
  "$binary" serve --config conf/flowswitch.toml >"$folder/server.log" 2>&1 &
server=$!
await_server "$folder"

rest() { # waits until nothing can be left of the calls (RFC 3261: 32 s), then tells what the server holds
  sleep 40
  echo "descriptors $(metric process_open_fds), memory $(($(metric process_resident_memory_bytes) / 1024)) KiB"
}

round() {
  "$binary" load "sip:echo@127.0.0.1:$sip_port" --calls "$calls" --rate 50 --hold 20000 --duration "$1" \
    --server-pid $server --strict --no-progress
}

echo "soak: warming up"
round 60
rest
descriptors=$(metric process_open_fds)
memory=$(metric process_resident_memory_bytes)
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ]; do
  left=$((end - SECONDS))
  round $((left < 600 ? (left < 10 ? 10 : left) : 600))
  rest
done

now=$(metric process_open_fds)
[ "$now" -le "$descriptors" ] || { echo "soak: $((now - descriptors)) descriptors were left open"; exit 1; }
now=$(metric process_resident_memory_bytes)
[ "$now" -le $((memory + memory / 10)) ] || { echo "soak: memory grew from $memory to $now bytes"; exit 1; }
echo "soak: nothing failed, nothing was left behind"
