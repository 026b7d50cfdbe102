#!/usr/bin/env bash
# A real softphone calls `ivr` of conf/demo.json, presses a key, hears the sound of this key and of no other, presses 0,
# hears the goodbye, and the server hangs up:   tests/wire/baresip.sh BINARY [KEY [HZ]]
# What the phone received is recorded, and the marks of the sounds (media/README.md) are measured in it. KEEP=1 keeps the
# folder with the recording and all logs.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/baresip.sh BINARY [KEY [HZ]]}
key=${2:-1}
wanted=${3:-600}
marks="600 900 1150 400 550 1400"
goodbye=1400

cargo build --release --locked --quiet -p media-core --example goertzel
goertzel=${CARGO_TARGET_DIR:-target}/release/examples/goertzel

# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
write_config conf/demo.json
start_server "$binary"

# What the phone says is none of the marks.
start_phone tester 250 "sip:ivr@127.0.0.1:$sip_port"
verdict=0
if told tester 'Call established' 5; then
  sleep 4 # the welcome takes 3.2 s, then the menu is spoken
  press tester "$key"
  sleep 5.5 # the sound of key 1 takes 4.3 s, then the menu is spoken again
  press tester 0
  # In the melody of key 2 a key leads to the menu, which is spoken before the key counts.
  told tester 'terminated (duration' 14 || verdict=1
else
  verdict=1
fi
end_phone tester || verdict=1

# length HZ, begin HZ: of the mark in the recording, milliseconds.
length() { awk -v hertz="$1" '$1 == hertz { print $2 }' <<<"$heard"; }
begin() { awk -v hertz="$1" '$1 == hertz { print $3 }' <<<"$heard"; }

if [ $verdict = 0 ]; then
  # shellcheck disable=SC2086
  heard=$("$goertzel" $marks <"$(received tester)")
  for mark in $marks; do
    ms=$(length "$mark")
    case $mark in
      "$wanted" | "$goodbye")
        [ "$ms" -ge 400 ] && [ "$ms" -le 600 ] || { echo "the mark of $mark Hz was heard for $ms ms, not for 500"; verdict=1; }
        ;;
      *)
        [ "$ms" -lt 200 ] || { echo "the mark of $mark Hz was heard for $ms ms: the sound of another key"; verdict=1; }
        ;;
    esac
  done
  if [ $verdict = 0 ]; then
    at=$(begin "$wanted")
    [ "$at" -ge 3500 ] && [ "$at" -le 6000 ] || { echo "the key was pressed after 4 s, its sound began at $at ms"; verdict=1; }
    [ "$wanted" = "$goodbye" ] || [ "$(begin $goodbye)" -gt $((at + 4000)) ] || { echo "the goodbye came too early"; verdict=1; }
  fi
  [ $verdict = 0 ] || awk '{ printf "      | %4d Hz: %3d ms, from %5d ms on, %3d %% of the power\n", $1, $2, $3, $4 }' <<<"$heard"
fi

[ "$(number media_worker_digits_received_total)" = 2 ] || { echo "the server heard $(number media_worker_digits_received_total) keys of 2"; verdict=1; }
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total media_sounds_failed_total || verdict=1
stop_server || verdict=1
[ $verdict = 0 ] && echo "  ivr, key $key: $wanted Hz for $(length "$wanted") ms, goodbye after key 0, server hung up: ok"
exit $verdict
