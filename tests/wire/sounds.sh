#!/usr/bin/env bash
# A web server has a sound of one second of every kind: MP3, Opus and Vorbis in OGG, WAV of 24 bit, raw µ-law and signed linear. A
# softphone calls a flow that plays them one after the other; each is known by its tone. What cannot be played is left out, and its
# timeline says why. Then a text with `audio` and `phoneme` is spoken.   tests/wire/sounds.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/sounds.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash

web=$folder/web
files=crates/media-engine/tests/sound_files
mkdir "$web"
# The server knows no type for what has no suffix: there the content tells.
cp "$files/mono_44100.mp3" "$web/thousand"
cp "$files/silk.opus" "$web/fivehundred.opus"
cp "$files/stereo_44100.ogg" "$web/two.ogg"
sox -n -r 44100 -b 24 -c 2 "$web/wide.wav" synth 1 sine 750 vol 0.25
sox -n -r 8000 -c 1 -t ul "$web/raw.ulaw" synth 1 sine 850 vol 0.25
sox -n -r 16000 -b 16 -e signed -c 1 -t raw "$web/raw.sln16" synth 1 sine 1200 vol 0.25
echo "not today" >"$web/no.mp3"
cp "$files/surround.opus" "$web/surround.opus"
cp "$files/flac.ogg" "$web/flac.ogg"
sox -n -r 8000 -c 1 "$web/old.gsm" synth 1 sine 950 vol 0.25
sox -n -r 8000 -c 1 -e gsm-full-rate "$web/old.wav" synth 1 sine 950 vol 0.25

web_port=$(free_range 32000 32499 10)
python3 -m http.server "$web_port" --bind 127.0.0.1 --directory "$web" >"$folder/web.log" 2>&1 &
web_server=$!
trap 'kill "$web_server" 2>/dev/null || true; clean_up' EXIT

urls=""
for name in thousand fivehundred.opus no.mp3 surround.opus flac.ogg old.gsm old.wav two.ogg wide.wav raw.ulaw raw.sln16; do
  urls+="${urls:+, }\"http://127.0.0.1:$web_port/$name\""
done
# What stands in these elements is longer than the whole may be: it is heard only if its element does not count. The last sound cannot
# be had, so there its words are.
long="none of this is spoken, for it takes much more than three seconds until everything has been said"
long="$long, and as much again goes by until it has been said once more by somebody who takes his time for every single word of it"
text="<speak>one two <audio src='http://127.0.0.1:$web_port/raw.ulaw'>$long</audio> three <phoneme alphabet='ipa' ph='f\u0254\u02d0'>$long</phoneme>\
 <audio src='http://127.0.0.1:$web_port/gone.wav'>five</audio></speak>"
cat >"$folder/sounds.json" <<JSON
{
  "flows": [
    {
      "id": "b1d0c0de-0003-4000-8000-000000000001",
      "name": "wire sounds",
      "detail": "The pause keeps what the phone's jitter buffer still has.",
      "actions": [
        { "type": "answer" },
        { "type": "play", "option": { "stream_urls": [$urls] } },
        { "type": "sleep", "option": { "duration": 300 } },
        { "type": "hangup" }
      ]
    },
    {
      "id": "b1d0c0de-0003-4000-8000-000000000002",
      "name": "wire text with sounds",
      "actions": [
        { "type": "answer" },
        { "type": "talk", "option": { "text": "$text" } },
        { "type": "sleep", "option": { "duration": 300 } },
        { "type": "hangup" }
      ]
    }
  ],
  "accesskeys": [{ "name": "wire", "token": "vb_WireWireWireWireWireWireWireWire" }],
  "numbers": [
    { "number": "sounds", "call_flow_id": "b1d0c0de-0003-4000-8000-000000000001" },
    { "number": "text", "call_flow_id": "b1d0c0de-0003-4000-8000-000000000002" }
  ]
}
JSON
write_config "$folder/sounds.json"
start_server "$binary"
verdict=0

start_phone erna 300 "sip:sounds@127.0.0.1:$sip_port"
told erna 'terminated (duration' 15 || verdict=1
end_phone erna || verdict=1
start_phone frida 300 "sip:text@127.0.0.1:$sip_port"
told frida 'terminated (duration' 20 || verdict=1
end_phone frida || verdict=1

# A second is 50 frames; one at each end may hold half of it.
for tone in '1000 MP3' '500 OGG/Opus' '600,1400 OGG/Vorbis' '750 WAV of 24 bit' '850 raw µ-law' '1200 raw signed linear at 16 kHz'; do
  read -r hertz what <<<"$tone"
  tones=()
  for one in ${hertz//,/ }; do tones+=(--tone "$one"); done
  if "$binary" load check-wav "$(received erna)" --content tone "${tones[@]}" --require 'wav.frames>=47' --require 'wav.frames<=52' \
    --require 'wav.malformed<=0' >"$folder/report" 2>&1; then
    echo "  $what: ok"
  else
    echo "  $what:"
    sed 's/^/      | /' "$folder/report"
    verdict=1
  fi
done
# A second of tone, and of the rest so much as five words take.
if "$binary" load check-wav "$(received frida)" --content tone --tone 850 --min-ms 2600 --max-ms 10000 --require 'wav.frames>=47' \
  --require 'wav.frames<=52' --require 'wav.malformed<=0' --require 'wav.too_short<=0' --require 'wav.too_long<=0' >"$folder/report" 2>&1; then
  echo "  a text with a sound and a phoneme in it: ok"
else
  echo "  a text with a sound and a phoneme in it:"
  sed 's/^/      | /' "$folder/report"
  verdict=1
fi

# What could not be played was left out, with its reason, in the log and in the timeline of the call.
key='accesskey=vb_WireWireWireWireWireWireWireWire'
call=$(http "/v1.0/calls?$key" | python3 -c 'import json, sys; print([call["id"] for call in json.load(sys.stdin)["result"] if call["destination"]["target"] == "sounds"][0])')
http "/v1.0/timelines/calls/$call/events?page_size=100&$key" >"$folder/timeline.json"
while IFS='|' read -r name why; do
  grep -q "$why.*$name" "$folder/server.log" || { echo "  the log does not say why $name was left out"; verdict=1; }
  grep -q "$why" "$folder/timeline.json" || { echo "  the timeline does not say why $name was left out"; verdict=1; }
done <<'REASONS'
no.mp3|no frame of MPEG layer III
surround.opus|OGG/Opus with 6 channels (mapping family 1) is not understood: mono and stereo are
flac.ogg|there is FLAC in the OGG file: Opus and Vorbis are understood
old.gsm|its suffix is .gsm): WAV, MP3 and OGG with Opus or Vorbis are understood
old.wav|its encoding (format 0x0031, GSM 6.10, 0 bit) is not understood
REASONS
[ "$(number media_sounds_failed_total)" = 6 ] || { echo "  not six sounds were left out"; verdict=1; }

at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total media_sounds_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
