#!/usr/bin/env bash
# A softphone registers, calls `echo` and hears itself, calls `recorded`, whose files must hold its tone from beginning to end, and
# leaves a message in `voicemail` of conf/demo.json:   tests/wire/phones.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/phones.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
write_config tests/wire/phones.json
# This baresip (1.0 of Debian 12) gives up when a challenge names any algorithm but MD5, even beside one that does.
printf '[registrar]\nalgorithms = ["MD5"]\n' >>"$folder/server.toml"
start_server "$binary"
verdict=0

# heard FILE TONE FRAMES WHAT [ARGUMENT...]
heard() {
  local file=$1 hertz=$2 frames=$3 what=$4
  shift 4
  if "$binary" load check-wav "$file" --content tone --tone "$hertz" --require "wav.frames>=$frames" --require 'wav.malformed<=0' \
    "$@" >"$folder/report" 2>&1; then
    echo "  $what: ok"
  else
    echo "  $what:"
    sed 's/^/      | /' "$folder/report"
    verdict=1
  fi
}

account="<sip:1001@127.0.0.1:$sip_port>;auth_pass=load-1001;regint=60"
start_phone anna 700 "" "$account"
told anna '200 OK' 8 && echo "  registered: ok" || verdict=1
printf '/dial sip:echo@127.0.0.1:%s\n' "$sip_port" >&"${phone_keys[anna]}"
if told anna 'Call established' 8; then sleep 5; else verdict=1; fi
end_phone anna || verdict=1
[ $verdict = 1 ] || heard "$(received anna)" 700 100 "echo, as a registered phone"

start_phone berta 900 "sip:recorded@127.0.0.1:$sip_port"
told berta 'terminated (duration' 15 || verdict=1
end_phone berta || verdict=1
heard "$folder/data/recordings" 900 300 "recorded, both directions" --files 2 --min-ms 3800 --max-ms 4500 --edge-ms 1500 --strict
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1

# What is needed to know which file is the message: a folder of its own.
rm -rf "$folder/data"
write_config conf/demo.json
start_server "$binary"
start_phone carl 1100 "sip:voicemail@127.0.0.1:$sip_port"
if told carl 'Call established' 8; then sleep 12; else verdict=1; fi
end_phone carl || verdict=1
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
message=$(find "$folder/data/recordings" -name '*_in.wav' | head -n 1)
if [ -n "$message" ]; then
  heard "$message" 1100 50 "voicemail, a message of the caller"
else
  echo "  voicemail: no file was recorded"
  verdict=1
fi
stop_server || verdict=1
exit $verdict
