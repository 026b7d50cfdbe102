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

modules=""
for place in /usr/lib/baresip/modules /usr/lib/*/baresip/modules /usr/local/lib/baresip/modules; do
  if [ -e "$place/menu.so" ]; then modules=$place; fi
done
[ -n "$modules" ] || { echo "the modules of baresip are not where they should be (package baresip-core)"; exit 1; }

# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
write_config conf/demo.json
start_server "$binary"

phone=$folder/phone
phone_port=$(free_range 25400 25899 2)
phone_rtp=$(free_range 31500 31899 20)
mkdir "$phone"

# What the phone says: a minute of silence, WAV with 8 kHz, 16 bit, one channel.
{
  printf 'RIFF\x24\xa6\x0e\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\xa6\x0e\x00'
  head -c 960000 /dev/zero
} >"$phone/silence.wav"
# The filter sndfile records what is received; aubridge takes the sound off without a sound card.
cat >"$phone/config" <<CONFIG
sip_listen 127.0.0.1:$phone_port
net_interface 127.0.0.1
rtp_ports $phone_rtp-$((phone_rtp + 18))
audio_source aufile,$phone/silence.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
snd_path $phone
module_path $modules
module stdio.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
CONFIG
echo "<sip:tester@127.0.0.1:$phone_port>;regint=0;audio_codecs=PCMU" >"$phone/accounts"
: >"$phone/contacts"

# Keys go to the phone by its standard input, as if typed. It ends by itself after 40 s at the latest.
mkfifo "$phone/keys"
timeout -k 2 40 stdbuf -oL baresip -f "$phone" -e "/dial sip:ivr@127.0.0.1:$sip_port" <"$phone/keys" >"$phone/log" 2>&1 &
phone_process=$!
exec 4>"$phone/keys"

# told TEXT SECONDS: waits until the phone's log has TEXT.
told() {
  local try
  for try in $(seq $(($2 * 20))); do
    grep -q "$1" "$phone/log" && return
    kill -0 $phone_process 2>/dev/null || break
    sleep 0.05
  done
  echo "the phone did not tell \`$1\` within $2 s; the end of its log:"
  tr '\r' '\n' <"$phone/log" | grep -v 'bit/s' | grep -v '^[[:cntrl:][:blank:]]*$' | tail -n 15 | sed 's/^/      | /'
  return 1
}
press() { printf '%s' "$1" >&4; }

verdict=0
if told 'Call established' 5; then
  sleep 4 # the welcome takes 3.2 s, then the menu is spoken
  press "$key"
  sleep 5.5 # the sound of key 1 takes 4.3 s, then the menu is spoken again
  press 0
  # In the melody of key 2 a key leads to the menu, which is spoken before the key counts.
  told 'terminated (duration' 14 || verdict=1
else
  verdict=1
fi
if kill -0 $phone_process 2>/dev/null; then press q; fi
exec 4>&-
wait $phone_process || { echo "the phone ended with code $?"; verdict=1; }

# length HZ, begin HZ: of the mark in the recording, milliseconds.
length() { awk -v hertz="$1" '$1 == hertz { print $2 }' <<<"$heard"; }
begin() { awk -v hertz="$1" '$1 == hertz { print $3 }' <<<"$heard"; }

if [ $verdict = 0 ]; then
  # shellcheck disable=SC2086
  heard=$("$goertzel" $marks <"$(echo "$phone"/dump-*-dec.wav)")
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
