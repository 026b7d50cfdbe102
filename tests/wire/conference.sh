#!/usr/bin/env bash
# Three softphones register and meet in `conf` of conf/demo.json, each with a tone of its own: each hears the two others together,
# and never itself.
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
[ $verdict = 1 ] || sleep 7
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
at_rest 10 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total edge_malformed_total || verdict=1
stop_server || verdict=1
exit $verdict
