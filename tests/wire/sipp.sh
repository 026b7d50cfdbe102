#!/usr/bin/env bash
# SIPp calls the server by every scenario of sipp-scenarios/ (but those of register.sh), all at the same time:   tests/wire/sipp.sh BINARY [SCENARIO...]
# One line for each: ok, or the reason and the end of SIPp's log. Where SIPp sends sound, the server's recordings must hold it: each
# of three in a conference hears the two others, and the message of a voicemail is what was said. Then nothing may be left of the calls, nothing may have
# gone wrong inside, and SIGTERM must end the server cleanly. KEEP=1 keeps the folder with all logs.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/sipp.sh BINARY [SCENARIO...]}
shift

# scenario, number of tests/wire/numbers.json that is called, calls, calls per second, tone that is sent, Hz, and for how long, s
scenarios='
asserted_identity      who      5  5
basic_call             echo     50 25
busy                   busy     10 10
cancel_while_ringing   ringing  20 10
conference             conf      1  1  500 8
conference             conf      1  1  900 8
conference             conf      1  1 1300 8
early_media            early     5  5
hold_and_resume        sound     5  5
keys_info              keys      2  2
keys_menu              keys      2  2
keys_wrong             keys      1  1
late_offer             bye       5  5
late_offer_unanswered  echo      5  5
no_ack                 echo      2  2
no_common_codec        echo     10 10
options                echo     10 10
options_outside        echo     10 10
recording              voicemail 1  1  700 2
reinvite_refused       sound     5  5
required_extension     echo     10 10
server_bye             bye      20 10
unknown_method         echo     10 10
unknown_number         nobody   10 10
'
for file in sipp-scenarios/*.xml; do
  case $file in */register*) continue ;; esac
  grep -q "^$(basename "$file" .xml) " <<<"$scenarios" || { echo "$file is not in the list of $0"; exit 1; }
done

# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# A short T1, so that what takes 64 * T1 by the RFC (no ACK, the end of transactions) takes 6.4 s.
write_config tests/wire/numbers.json 't1_ms = 100' 't2_ms = 400' 't4_ms = 500'
start_server "$binary"

# SIPp sends keys by a raw socket, for which it must be root.
as_root=()
may_send_keys=yes
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo -n)
  sudo -n true 2>/dev/null || may_send_keys=no
fi

# run SCENARIO LOG NUMBER CALLS RATE PLACE TONE SECONDS: one SIPp, on ports and in a folder of its own; RTP is read from there.
run() {
  local name=$1 log="$folder/$2" scenarios=$PWD/sipp-scenarios before=()
  shift
  mkdir "$log.here"
  if [ -n "${6:-}" ]; then sox -n -r 8000 -c 1 -t ul "$log.here/tone.ulaw" synth "$7" sine "$6" vol 0.15; fi
  cd "$log.here"
  case $name in keys_menu | keys_wrong) before=(${as_root[@]+"${as_root[@]}"}) ;; esac
  # TERM is set because SIPp draws a screen even if nobody sees it.
  TERM=dumb timeout -k 2 30 ${before[@]+"${before[@]}"} sipp "127.0.0.1:$sip_port" -sf "$scenarios/$name.xml" -s "$2" -m "$3" -r "$4" \
    -i 127.0.0.2 -mi 127.0.0.2 -p $((25400 + $5)) -mp $((31500 + $5 * 10)) -nostdin \
    -timeout 25s -timeout_error -recv_timeout 5000 -default_behaviors all,-bye \
    -trace_err -error_file "$log.errors" -trace_msg -message_file "$log.messages" \
    -trace_screen -screen_file "$log.screen" >"$log.out" 2>&1 </dev/null
}

# repeated_200: in no_ack the 200 must have come at 0, 0.1, 0.3 and every 0.4 s up to 6.3 s (RFC 3261 §13.3.1.4): 18 times.
repeated_200() {
  awk '/message received/ { received = 1; next } /message sent/ { received = 0 }
    /^SIP\/2.0 200/ && received { ok = 1 } /^Call-ID:/ && received { id = $2 }
    /^CSeq: 1 INVITE/ && ok { seen[id]++ } /^CSeq:/ { ok = 0; received = 0 }
    END { for (id in seen) { calls++; if (seen[id] < 17 || seen[id] > 18) bad = seen[id] }
      if (calls != 2 || bad) { print "the 200 came " (bad ? bad : 0) " times, 18 are right"; exit 1 } }' "$folder/no_ack.messages"
}

pids=() names=() failed=0
place=0
while read -r name called calls rate tone seconds; do
  [ -n "$name" ] || continue
  [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
  place=$((place + 1))
  if [ "$may_send_keys" = no ] && [[ $name == keys_menu || $name == keys_wrong ]]; then
    printf '  %-22s skipped: SIPp must be root to press keys\n' "$name"
    continue
  fi
  log=$name${tone:+_$tone}
  run "$name" "$log" "$called" "$calls" "$rate" "$place" "$tone" "$seconds" &
  pids+=($!)
  names+=("$log")
done <<<"$scenarios"

for index in "${!pids[@]}"; do
  name=${names[index]}
  status=0
  reason=""
  wait "${pids[index]}" || status=$?
  case $status in
    0) ;;
    1) reason="a call failed" ;;
    97) reason="SIPp's time limit" ;;
    124 | 137) reason="SIPp did not end within 30 s" ;;
    *) reason="SIPp ended with code $status" ;;
  esac
  if [ "$name" = no_ack ] && [ -z "$reason" ]; then
    reason=$(repeated_200) || true
  fi
  if [ -z "$reason" ]; then
    printf '  %-22s ok\n' "$name"
  else
    printf '  %-22s %s\n' "$name" "$reason"
    failed=1
    for log in errors out; do
      [ -s "$folder/$name.$log" ] || continue
      # SIPp writes its errors without ends of lines, and the same one for each call.
      sed -E 's/\r$//; s/([^0-9])(20[0-9]{2}-[0-9]{2}-[0-9]{2}\t)/\1\n\2/g' "$folder/$name.$log" | tail -n 20 | cut -c 1-300 | sed 's/^/      | /'
      break
    done
  fi
done

# tones FILE ARGUMENT...: whether the file holds these tones, and for how long.
tones() {
  "$binary" load check-wav "$1" --content tone "${@:2}" --require 'wav.malformed<=0' >"$folder/report" 2>&1
}

# heard FILE WHAT ARGUMENT...
heard() {
  if tones "$1" "${@:3}"; then
    printf '  %-22s ok\n' "$2"
  else
    printf '  %-22s not as it should be in the recording\n' "$2"
    sed 's/^/      | /' "$folder/report"
    failed=1
  fi
}

# 4 s of the 6 in which all were there, whoever came last.
others=(--require 'wav.frames>=200' --require 'wav.unwanted<=0')
if [ $# = 0 ] || [[ " $* " == *" conference "* ]]; then
  for tone in 500 900 1300; do
    both=() said=""
    for other in 500 900 1300; do [ $other = $tone ] || both+=(--tone $other); done
    for file in "$folder"/data/recordings/*_in.wav; do
      if tones "$file" --tone $tone --require 'wav.frames>=250'; then said=$file; fi
    done
    if [ -n "$said" ]; then
      heard "${said%_in.wav}_out.wav" "conference, $tone Hz" "${both[@]}" --no-tone $tone "${others[@]}"
    else
      echo "  conference: nobody has sent $tone Hz for five seconds"
      failed=1
    fi
  done
fi
if [ $# = 0 ] || [[ " $* " == *" recording "* ]]; then
  key='accesskey=vb_WireWireWireWireWireWireWireWire'
  message=""
  for id in $(http "/v1.0/recordings?page_size=100&$key" | python3 -c 'import json, sys; [print(item["id"]) for item in json.load(sys.stdin)["result"]]'); do
    http "/v1.0/recordingfiles/$id?$key" >"$folder/$id.wav"
    if tones "$folder/$id.wav" --tone 700 --require 'wav.frames>=50'; then message=$folder/$id.wav; fi
  done
  if [ -n "$message" ]; then
    # The beep was over 0.2 s before the tone of 2 s, and the call went on for half a second after it.
    heard "$message" "recording, over REST" --tone 700 --min-ms 2500 --max-ms 2900 --require 'wav.frames>=97' --require 'wav.frames<=101' \
      --require 'wav.too_short<=0' --require 'wav.too_long<=0'
  else
    echo "  recording: no file over REST has the tone that was sent"
    failed=1
  fi
fi

at_rest 15 || failed=1
unharmed call_panics_total udp_handler_panics_total media_sounds_panics_total edge_malformed_total udp_kernel_drops_total \
  edge_new_work_full_total edge_dialog_full_total calls_turned_away_total media_ports_exhausted_total \
  media_worker_facts_dropped_total media_sounds_failed_total media_worker_freed_in_place_total || failed=1
# The two calls of no_ack.
missing=$(number sip_acks_missing_total)
[ "$missing" = 2 ] || { echo "sip_acks_missing_total should be 2, and is $missing"; failed=1; }
stop_server || failed=1
[ $failed = 0 ] && echo "  nothing was left behind, and the server ended cleanly"
exit $failed
