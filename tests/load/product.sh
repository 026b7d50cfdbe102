# To be sourced: what the server must reach besides plain calls, one function for each figure. Needs server.sh, judge.sh, $binary,
# $folder, $seconds, $calls and $ports. Sizes and limits can be set from outside, for a short look or to show that they are kept.

rooms=${ROOMS:-20}
room_size=${ROOM_SIZE:-10}
large_room=${LARGE_ROOM:-500}
setup_rate=${SETUP_RATE:-500}
users=${USERS:-20000}
refreshes=${REFRESHES:-500}
reads=${READS:-2000}
writes=${WRITES:-300}
undisturbed=${UNDISTURBED:-200}
talks=${TALKS:-40}
# Milliseconds from the answer to the first sound of what is said: kept from before, and made anew.
cached_ms=${CACHED_MS:-40}
anew_ms=${ANEW_MS:-250}
registration_kib=${REGISTRATION_KIB:-3}

# The key of load-key.json, the secret of webhooks, and the passwords of the phones: of tests only.
load_key=vb_LoadLoadLoadLoadLoadLoadLoadLo00
hook_secret=load-secret
hook_port=${HOOK_PORT:-26090}
# The owner of what is provisioned (crates/server/src/provision/ids.rs).
owner=eb01de4e-10f9-53da-bf08-ebfd77e5ba12

# write_resources: conferences, phones, a key and a receiver of webhooks, which are too many or too particular for load.json.
write_resources() {
  awk -v count="$rooms" 'BEGIN {
    print "{ \"conferences\": ["
    for (room = 1; room <= count; room++)
      printf "  { \"id\": \"7b3e9c52-41d6-4f0a-8c15-%012d\", \"name\": \"room %d\" }%s\n", room, room, room < count ? "," : ""
    print "] }"
  }' >"$folder/load-rooms.json"
  awk -v count="$users" 'BEGIN {
    print "{ \"extensions\": ["
    for (user = 0; user < count; user++)
      printf "  { \"extension\": \"%d\", \"password\": \"load-%d\" }%s\n", 100000 + user, 100000 + user, user < count - 1 ? "," : ""
    print "] }"
  }' >"$folder/load-phones.json"
  printf '{ "accesskeys": [{ "name": "load", "token": "%s" }] }\n' "$load_key" >"$folder/load-key.json"
  printf '{ "customers": [{ "id": "%s", "name": "load", "webhook_uri": "http://127.0.0.1:%s/hook", "webhook_secret": "%s" }] }\n' \
    "$owner" "$hook_port" "$hook_secret" >"$folder/load-hook.json"
}

# start_with NAMES [NAME=VALUE ...]: a server with load.json and these of the files above, such as "rooms key".
start_with() {
  local name files=tests/load/load.json
  for name in $1; do files=$files,$folder/load-$name.json; done
  shift
  rm -rf "$folder/data"
  start_server "$binary" "$folder" PROVISION="$files" SIP__OPEN_CONFERENCES=true "$@"
}

# ratio_to_floor RUN WHAT LIMIT BEFORE [AFTER]: processor time of a call in RUN by that of the bare reflector.
ratio_to_floor() {
  local before after
  before=$(figure "$folder/$4.json" server.cpu_ms_per_call_second)
  after=$(figure "$folder/${5:-$4}.json" server.cpu_ms_per_call_second)
  row "$1" "$2" "$(awk -v own="$(figure "$folder/$1.json" server.cpu_ms_per_call_second)" -v floor="$before" -v other="$after" \
    'BEGIN { print (floor + other > 0 ? sprintf("%.3f", 2 * own / (floor + other)) : "unknown") }')" "$3"
}

# recorded: all calls recorded at once for the whole time; every frame of both directions must be in the files.
recorded() {
  local ramp=$((seconds / 6 + 1))
  start_with ""
  load K "$calls recorded echo calls" "$(uri recorded)" --mode echo --calls "$calls" --rate "$rate" \
    --duration $((seconds + ramp)) "${ports[@]}" --server-pid "$server" --strict --min-on-time 99 --max-generator-late 1 \
    --require "calls.answered>=$calls" --require 'server.cpu_ms_per_call_second>=0' --require 'server.peak.rss_kib>=0' "$@"
  rest K
  hurt_recordings
  load KW "their files" check-wav "$folder/data/recordings" --files $((2 * calls)) --min-ms $((seconds * 1000 - 1000)) \
    --max-ms $(((seconds + ramp + 5) * 1000)) --edge-ms 1500 --strict --require "wav.calls>=$calls" "${wav_arguments[@]}"
  stop_server
}
wav_arguments=()
# To show that the check notices, it is replaced by something that breaks a file.
hurt_recordings() { :; }

# conferences: many rooms in which everybody talks, and one large one in which few do.
conferences() {
  local all=$((rooms * room_size))
  start_with rooms
  load Q "$rooms rooms of $room_size, all talking" \
    "sip:conference:7b3e9c52-41d6-4f0a-8c15-{n:12}@127.0.0.1:$sip_port" --mode room --room-size "$room_size" \
    --calls "$all" --rate 50 --duration $((all / 50 + seconds / 2)) "${ports[@]}" --server-pid "$server" --strict --min-on-time 99 \
    --max-generator-late 1 --require "room.windows>=$all" --require 'server.cpu_ms_per_call_second>=0' "$@"
  rest Q
  load L "one room of $large_room, three talking" "$(uri conf)" --mode room --room-size "$large_room" --talkers 3 \
    --calls "$large_room" --rate 100 --duration $((large_room / 100 + seconds / 2)) "${ports[@]}" --server-pid "$server" --strict \
    --min-on-time 99 --max-generator-late 1 --require "room.windows>=$large_room" --require 'server.cpu_ms_per_call_second>=0' "$@"
  rest L
  stop_server
}

# hooked: calls at full rate while every event goes to a receiver of webhooks, which must get each call from beginning to end.
hooked() {
  hooked_calls H "ended by the server" bye --end server --hold 5000 "$@"
  hooked_calls I "ended by the caller, who hears 200 ms of silence" sleep --hold 200 "$@"
}

# hooked_calls RUN WHAT NUMBER ARGUMENTS...
hooked_calls() {
  local run=$1 what=$2 number=$3 made sink
  shift 3
  start_with hook
  load_quietly "${run}W" webhook-sink --listen "127.0.0.1:$hook_port" --secret "$hook_secret" --strict "${hook_arguments[@]}" &
  sink=$!
  sleep 0.5
  load "$run" "$setup_rate calls per second with records, events and a receiver of webhooks, $what" "$(uri "$number")" --mode setup \
    --rate "$setup_rate" --calls 4000 --duration "$seconds" "${ports[@]}" --server-pid "$server" --strict --max-setup-p99-ms 50 \
    --max-cpu-per-call-ms 0.6 --require "calls.started>=$((seconds * setup_rate * 99 / 100))" \
    --require 'calls.completed>=1' "$@"
  rest "$run"
  made=$(sed -n 's/.*"started": \([0-9]*\).*/\1/p' "$folder/$run.json" | head -n 1)
  # The receiver is the child of the shell that waits for it.
  pkill -INT -P "$sink" || true
  wait "$sink" || true
  printf '\n%s: what the receiver of webhooks got\n' "${run}W"
  judge "${run}W"
  row "${run}W" "calls from beginning to end, of $made" "$(json_number "$folder/${run}W.json" complete)" ">=$made"
  stop_server
}
hook_arguments=()

# json_number FILE NAME: the first number of this name in a report.
json_number() { sed -n "s/^ *\"$2\": \([0-9.]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

# spoken: how soon what is said is heard.
spoken() {
  start_with ""
  # The first call of all makes what the others get from the cache.
  "$binary" load "$(uri talk)" --mode talk --calls 1 --rate 1 --hold 4000 --duration 6 "${ports[@]}" --no-progress >/dev/null 2>&1 || true
  load T "the first sound of what was said before" "$(uri talk)" --mode talk --calls "$talks" --rate 10 --hold 3000 \
    --duration $((talks / 10 + 4)) "${ports[@]}" --strict --max-first-sound-p99-ms "$cached_ms" --require "media.first_sound.count>=$talks"
  load U "the first sound of what was never said" "$(uri talkanew)" --mode talk --calls "$talks" --rate 5 --hold 5000 \
    --duration $((talks / 5 + 6)) "${ports[@]}" --strict --max-first-sound-p99-ms "$anew_ms" --require "media.first_sound.count>=$talks"
  rest U
  stop_server
}

# registered: all phones, then their refreshes. All with the right password: they share an address, and who guesses is slowed.
registered() {
  start_with phones
  load G "$users registrations, then $refreshes refreshes per second" register "sip:127.0.0.1:$sip_port" --users "$users" \
    --first-extension 100000 --rate 500 --refresh-rate "$refreshes" --duration $((seconds / 2)) --strict \
    --server-pid "$server" --require "register.accepted>=$users" \
    --require "register.refresh_per_second>=$((refreshes * 97 / 100))" --require 'register.first.p99_ms<=100' \
    --require 'register.refresh.p99_ms<=50' --require "register.kib_per_registration<=$registration_kib" \
    --require 'server.cpu_percent>=0' "$@"
  stop_server
}

# asked: the API at full rate while calls go on, which must not notice.
asked() {
  local api
  start_with "rooms key"
  # Numbers, flows and rooms there are; some calls, so that their list has something in it.
  "$binary" load "$(uri bye)" --mode setup --end server --hold 3000 --calls 20 --rate 20 --duration 2 "${ports[@]}" --no-progress \
    >/dev/null 2>&1 || true
  { sleep 3; load_quietly A http "http://127.0.0.1:$http_port" --key "$load_key" --reads "$reads" --writes "$writes" --connections 48 \
      --duration "$seconds" --strict --server-pid "$server" --require "http.reads.per_second>=$((reads * 97 / 100))" \
      --require "http.writes.per_second>=$((writes * 97 / 100))" --require 'http.reads.latency.p99_ms<=50' \
      --require 'http.writes.latency.p99_ms<=50' "${http_arguments[@]}"; } &
  api=$!
  load V "$undisturbed echo calls while the API is asked" "$(uri echo)" --mode echo --calls "$undisturbed" --rate 100 \
    --duration $((seconds + 6)) "${ports[@]}" --server-pid "$server" --strict --min-on-time 99 --max-echo-p99-ms 5 \
    --max-generator-late 2 --require "calls.answered>=$undisturbed"
  wait "$api" || true
  printf '\nA: %s reads and %s writes per second meanwhile\n' "$reads" "$writes"
  judge A
  rest A
  stop_server
}
http_arguments=()
