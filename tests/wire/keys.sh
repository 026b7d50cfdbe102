#!/usr/bin/env bash
# Two softphones meet in a bridge of type `connect` that was made over the API: what one presses the other one receives as
# telephone-events. Then one calls a number that is busy, and another one whose flow hangs up with the reason of that call.
#     tests/wire/keys.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/keys.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
write_config tests/wire/numbers.json
start_server "$binary"
verdict=0

key='accesskey=vb_WireWireWireWireWireWireWireWire'

# post PATH JSON: what the server answers.
post() {
  exec 3<>"/dev/tcp/127.0.0.1/$http_port" || return 1
  printf 'POST /v1.0/%s?%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$1" "$key" "$(printf %s "$2" | wc -c)" "$2" >&3
  sed '1,/^\r$/d' <&3
  exec 3>&-
}

# field NAME: of the JSON object that comes in.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# number_with NUMBER ACTIONS: a number that runs a flow of these actions.
number_with() {
  local flow
  flow=$(post flows "{\"name\": \"$1\", \"actions\": $2}" | field id)
  post numbers "{\"number\": \"$1\", \"name\": \"$1\", \"call_flow_id\": \"$flow\"}" | field id >"$folder/made"
}

bridge=$(post confbridges '{"type": "connect"}' | field id)
number_with pair "[{\"type\": \"answer\"}, {\"type\": \"confbridge_join\", \"option\": {\"confbridge_id\": \"$bridge\"}}, {\"type\": \"hangup\"}]"

start_phone anna 500 "sip:pair@127.0.0.1:$sip_port"
start_phone berta 900 "sip:pair@127.0.0.1:$sip_port"
told anna 'Call established' 8 && told berta 'Call established' 8 || verdict=1
press anna 5
told berta "received event: '5' (end=1)" 3 || verdict=1
press anna '#'
told berta "received event: '#' (end=1)" 3 || verdict=1
press berta 7
told anna "received event: '7' (end=1)" 3 || verdict=1
# Each key once, and none comes back to who pressed it.
events() { tr '\r' '\n' <"$folder/$1/log" | grep -o "received event: '.' (end=1)" | cut -d "'" -f 2 | tr -d '\n'; }
if [ "$(events anna) $(events berta)" = '7 5#' ]; then
  echo "  keys of two phones in a bridge: ok"
else
  echo "  keys of two phones in a bridge: anna received '$(events anna)', berta '$(events berta)'"
  verdict=1
fi
end_phone anna || verdict=1
# A bridge of two ends when one is left; the flow of the other one goes on, and hangs up.
told berta 'terminated (duration' 5 && echo "  the one who is left goes on behind the bridge: ok" || verdict=1
end_phone berta || verdict=1

# In the log of a phone the answer stands in words.
start_phone carl 700 "sip:busy@127.0.0.1:$sip_port"
told carl 'session closed: 486' 5 || verdict=1
end_phone carl || verdict=1
call=$(http "/v1.0/calls?page_size=100&$key" | python3 -c '
import json, sys
print(*(call["id"] for call in json.load(sys.stdin)["result"] if call["destination"]["target"] == "busy"))')
number_with as-before "[{\"type\": \"hangup\", \"option\": {\"reference_id\": \"$call\"}}]"
number_with as-usual '[{"type": "hangup", "option": {"reference_id": "b1d0c0de-0001-4000-8000-0000000000ff"}}]'
start_phone dora 700 "sip:as-before@127.0.0.1:$sip_port"
told dora 'session closed: 486' 5 && echo "  hung up on for the reason of another call: ok" || verdict=1
end_phone dora || verdict=1
start_phone erna 700 "sip:as-usual@127.0.0.1:$sip_port"
told erna 'session closed: 603' 5 || verdict=1
end_phone erna || verdict=1

at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
