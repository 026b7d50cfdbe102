#!/usr/bin/env bash
# Linphone registers, calls `echo` and hears its own tone:   tests/wire/linphone.sh BINARY
# REGISTRAR=HOST:PORT registers there instead, where 1002 has the password load-1002; the call goes to the server all the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/linphone.sh BINARY}
command -v linphonec >/dev/null || { echo "linphonec is missing (package linphone-cli)"; exit 1; }
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
write_config "${PROVISION:-tests/wire/phones.json}"
start_server "$binary"
registrar=${REGISTRAR:-127.0.0.1:$sip_port}

home=$folder/home
phone_port=$(free_range 25700 25890 2)
phone_rtp=$(free_range 31500 31899 4)
# Without the folder of its database Linphone does not start its core, says nothing, and never listens.
mkdir -p "$home/.local/share/linphone" "$home/.config/linphone"
sox -n -r 8000 -b 16 -c 1 "$home/tone.wav" synth 60 sine 600 vol 0.15
cat >"$home/rc" <<RC
[sip]
sip_port=$phone_port
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
use_ipv6=0
[rtp]
audio_rtp_port=$phone_rtp
[net]
firewall_policy=0
RC

# Commands go to the phone as if typed; each has its time.
{
  sleep 2
  echo "register sip:1002@${registrar%%:*} sip:$registrar load-1002"
  sleep 3
  echo "status register"
  sleep 1
  echo "soundcard use files"
  echo "play $home/tone.wav"
  echo "record $home/heard.wav"
  echo "call sip:echo@127.0.0.1:$sip_port"
  sleep 6
  echo "terminate"
  sleep 1
  echo "unregister"
  sleep 1
  echo quit
} | HOME=$home timeout -k 2 40 linphonec -c "$home/rc" -d 6 -l "$home/log" >"$home/out" 2>&1 || true

verdict=0
grep -q '^registered, identity=sip:1002@' "$home/out" && echo "  registered: ok" || { echo "  Linphone did not register"; verdict=1; }
# What it records has the rate of its own choice: a copy as check-wav wants it.
if [ -s "$home/heard.wav" ] && sox "$home/heard.wav" -r 8000 -b 16 -c 1 "$home/copy.wav" 2>"$home/sox" &&
  "$binary" load check-wav "$home/copy.wav" --content tone --tone 600 --require 'wav.frames>=150' >"$folder/report" 2>&1; then
  echo "  echo: heard its own tone"
else
  echo "  echo: the tone was not heard"
  { cat "$folder/report" 2>/dev/null || true; tail -n 20 "$home/out"; } | sed 's/^/      | /'
  verdict=1
fi
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
