#!/usr/bin/env bash
# A softphone registers, calls `echo` and hears itself; another calls `recorded`, whose files must hold its tone from beginning to end;
# a third is silent, then speaks over the long text of `interrupted`, which ends.
# With conf/demo.json one registers with the password that the server made up, leaves a message in `voicemail`, ended by the
# # key, and presses 1 and 0 in `ivr`. What each sent and heard is known by its tones.   tests/wire/phones.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/phones.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
write_config tests/wire/phones.json
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

start_phone dora 500 "sip:interrupted@127.0.0.1:$sip_port" "" 3
# The text takes a quarter of a minute.
told dora 'terminated (duration' 8 || verdict=1
end_phone dora || verdict=1
heard "$(received dora)" 1000 20 "a caller speaks over a text, and the flow goes on" --require 'wav.frames<=30'

at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1

# A folder of its own: there is one recording, the message.
rm -rf "$folder/data"
write_config conf/demo.json
start_server "$binary"
start_phone carl 1100 "" "$(account 1001)"
told carl '200 OK' 8 && echo "  registered with the password that the server made up: ok" || verdict=1
printf '/dial sip:voicemail@127.0.0.1:%s\n' "$sip_port" >&"${phone_keys[carl]}"
if told carl 'Call established' 8; then
  sleep 10 # the announcement takes about five seconds
  [ "$(number media_recordings_running)" = 1 ] || { echo "  voicemail: nothing is being recorded after 10 s"; verdict=1; }
  press carl '#'
  sleep 0.7
  # The key ends the message, not the call.
  [ "$(number media_recordings_running)" = 0 ] || { echo "  voicemail: the # key did not end the message"; verdict=1; }
  [ "$(number calls)" = 1 ] || { echo "  voicemail: the # key ended the call"; verdict=1; }
  press carl b
  told carl 'terminated (duration' 3 || verdict=1
else
  verdict=1
fi
message=$(find "$folder/data/recordings" -name '*_in.wav' | head -n 1)
if [ -n "$message" ]; then
  heard "$message" 1100 100 "voicemail, a message of the caller"
else
  echo "  voicemail: no file was recorded"
  verdict=1
fi
# The beep takes half a second: 25 frames.
heard "$(received carl)" 1000 20 "voicemail, the beep before it" --require 'wav.frames<=30'

sleep 1.1 # the name of the phone's file is the second of its call
printf '/dial sip:ivr@127.0.0.1:%s\n' "$sip_port" >&"${phone_keys[carl]}"
if told carl 'Call established' 8 2; then
  sleep 4
  press carl 1
  sleep 5.5
  press carl 0
  told carl 'terminated (duration' 14 2 || verdict=1
else
  verdict=1
fi
end_phone carl || verdict=1
# The marks of the sounds (media/README.md) take half a second; the one of key 2 must not be there.
heard "$(received carl)" 600 20 "ivr, key 1" --require 'wav.frames<=40'
heard "$(received carl)" 1400 20 "ivr, key 0" --require 'wav.frames<=40'
heard "$(received carl)" 900 0 "ivr, not key 2" --require 'wav.frames<=10'
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
