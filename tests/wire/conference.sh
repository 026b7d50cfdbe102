#!/usr/bin/env bash
# Three softphones register and meet in `conf` of conf/demo.json, each with a tone of its own: each hears the two others together,
# and never itself. Meanwhile the API has the conference recorded: all three are in the one file.
#     tests/wire/conference.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/conference.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
write_config conf/demo.json
start_server "$binary"

declare -A tone=([anna]=500 [berta]=900 [carl]=1300) extension=([anna]=1001 [berta]=1002 [carl]=1003)
verdict=0
for name in anna berta carl; do
  start_phone $name "${tone[$name]}" "" "$(account "${extension[$name]}")"
  told $name '200 OK' 8 || verdict=1
  printf '/dial sip:conf@127.0.0.1:%s\n' "$sip_port" >&"${phone_keys[$name]}"
  told $name 'Call established' 8 || verdict=1
done

conference=5a1c6f0e-0d8f-4b5e-9a57-3c1f0c6f1c01
api_key=$(grep -o 'vb_[A-Za-z0-9]*' "$folder/data/secrets/first-start.txt" | head -n 1)
# api METHOD PATH [CURL OPTION...]: the body of an answer of 200.
api() {
  local method=$1 path=$2
  shift 2
  curl -sS --fail-with-body -X "$method" -H "Authorization: Bearer $api_key" "http://127.0.0.1:$http_port/v1.0/$path" "$@"
}

recording=""
if [ $verdict = 0 ]; then
  sleep 1.5
  started=$(api POST "conferences/$conference/recording_start" -H 'Content-Type: application/json' -d '{"duration": 60}') || verdict=1
  recording=$(sed -n 's/.*"recording_id":"\([-0-9a-f]*\)".*/\1/p' <<<"$started")
  again=$(api POST "conferences/$conference/recording_start" 2>&1) && { echo "  it was recorded twice at once"; verdict=1; }
  grep -q RECORDING_ALREADY_ACTIVE <<<"$again" || { echo "  a second recording was refused otherwise: $again"; verdict=1; }
  sleep 4
  api POST "conferences/$conference/recording_stop" >/dev/null || verdict=1
  sleep 1.5
fi
for name in carl berta anna; do end_phone $name || verdict=1; done

if [ $verdict = 0 ]; then
  for name in anna berta carl; do
    others=() other=""
    for other in anna berta carl; do
      [ $other = $name ] || others+=(--tone "${tone[$other]}")
    done
    # 4 s of the 7 in which all were there: phones need their time to begin, and the room to fill.
    if "$binary" load check-wav "$(received $name)" --content tone "${others[@]}" --no-tone "${tone[$name]}" \
      --require 'wav.frames>=200' --require 'wav.unwanted<=0' --require 'wav.malformed<=0' >"$folder/$name.report" 2>&1; then
      echo "  $name, ${tone[$name]} Hz: heard the others and not itself"
    else
      echo "  $name, ${tone[$name]} Hz:"
      sed 's/^/      | /' "$folder/$name.report"
      verdict=1
    fi
  done
fi
if [ -n "$recording" ]; then
  status=$(api GET "recordings/$recording")
  for wanted in '"status":"ended"' '"end_reason":"stopped"' '"reference_type":"confbridge"' '_in.wav"]'; do
    grep -qF "$wanted" <<<"$status" || { echo "  the recording has no $wanted: $status"; verdict=1; }
  done
  api GET "recordingfiles/$recording" -o "$folder/mix.wav" || verdict=1
  soxi "$folder/mix.wav" >"$folder/mix.report" 2>&1 || verdict=1
  for wanted in 'Channels *: 1' 'Sample Rate *: 8000' 'Precision *: 16-bit'; do
    grep -q "$wanted" "$folder/mix.report" || { cat "$folder/mix.report"; verdict=1; }
  done
  all=()
  for name in anna berta carl; do all+=(--tone "${tone[$name]}"); done
  if "$binary" load check-wav "$folder/mix.wav" --content tone "${all[@]}" --require 'wav.frames>=180' \
    --require 'wav.malformed<=0' >>"$folder/mix.report" 2>&1; then
    echo "  the recording, $(soxi -D "$folder/mix.wav") s: all three are in it"
  else
    echo "  the recording:"
    sed 's/^/      | /' "$folder/mix.report"
    verdict=1
  fi
fi
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
