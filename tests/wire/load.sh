#!/usr/bin/env bash
# A short load on each part of the way a call takes: a hundred calls echoed, a hundred prompts, calls set up and ended by
# either side at a hundred per second. No fault in signalling or sound, and nothing left behind afterwards.
#     tests/wire/load.sh BINARY
# SIP's timers are short here, so that transactions end soon. What the server must reach is measured by `make figures`;
# a machine that does other things besides would miss it.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:?usage: tests/wire/load.sh BINARY}")
folder=$(mktemp -d)
. tests/load/server.sh
sip_port=26160
http_port=26180
trap 'stop_server; rm -rf "$folder"' EXIT

fail() {
  printf '%s\n' "$*"
  [ ! -s "$folder/server.log" ] || { echo "the log of the server:"; tail -n 20 "$folder/server.log"; }
  exit 1
} >&2

# calls NUMBER MODE SECONDS ARGUMENTS...
calls() {
  local number=$1 mode=$2 seconds=$3 from=$SECONDS
  shift 3
  "$binary" load "sip:$number@127.0.0.1:$sip_port" --mode "$mode" --calls 100 --rate 100 --duration "$seconds" "$@" \
    --rtp-ports 44000-49999 --strict --server-pid "$server" --no-progress >"$folder/report" 2>&1 ||
    { cat "$folder/report"; fail "load: calls to $number failed"; }
  await_rest 10 || fail "load: not at rest $rested s after the calls to $number: $left"
  sed -n 's/^  calls *//p' "$folder/report" | sed "s/^/  $number: /; s/\$/; at rest after $rested s/"
}

start_server "$binary" "$folder" SIP__T1_MS=30 SIP__T2_MS=120 SIP__T4_MS=150 RTP__REST_MS=500
calls echo echo 5 --require 'calls.answered>=100'
calls prompt prompt 3 --require 'calls.answered>=100'
calls sleep setup 4 --hold 200 --require 'calls.completed>=390'
calls bye setup 4 --end server --hold 5000 --require 'calls.completed>=390'
[ ! -s "$folder/server.log" ] || fail "load: the server complained"
