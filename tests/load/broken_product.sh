# To be sourced by broken.sh: breaks what product.sh measures. Needs what broken.sh has: break_it, must_fail, halting, end_helpers.

# Small, so that each takes seconds; the limits are those of the figures.
product_sizes() {
  calls=20 rate=20 rooms=4 room_size=5 large_room=20 users=200 refreshes=50 reads=200 writes=30 undisturbed=10 talks=10
  setup_rate=50
  write_resources
}

# halting_soon OFF ON AFTER: the next server is stopped for OFF seconds, goes on for ON, and so forth, from AFTER seconds on.
halting_soon() {
  { while [ -z "$(pgrep -P $$ -f "$binary serve" || true)" ]; do sleep 0.1; done
    pid=$(pgrep -P $$ -f "$binary serve")
    sleep "$3"
    while kill -STOP "$pid"; do sleep "$1"; kill -CONT "$pid"; sleep "$2"; done; } 2>/dev/null &
  helpers+=($!)
}

# dear_soon: the next server costs far more than it should. Where there is no strace, the caller only says so.
dear_soon() {
  dear=()
  command -v strace >/dev/null || { dear=(--sabotage hog-server); return 0; }
  { while [ -z "$(pgrep -P $$ -f "$binary serve" || true)" ]; do sleep 0.1; done
    exec strace -f -p "$(pgrep -P $$ -f "$binary serve")" -o /dev/null; } 2>/dev/null &
  helpers+=($!)
}

# floor_of_broken RUN STREAMS: the bare reflector, against which a server that is broken is held.
floor_of_broken() {
  "$binary" load reflect --from-port 32000 --sockets "$2" --threads "$(nproc)" >/dev/null 2>&1 &
  server=$!
  sleep 1
  load "$1" "the bare reflector" rtp --target 127.0.0.1:32000 --calls "$2" --rate 100 --duration "$seconds" "${ports[@]}" \
    --server-pid "$server" --require 'server.cpu_ms_per_call_second>=0'
  stop_server
}

break_product() {
  local usual=$seconds
  product_sizes
  seconds=10

  break_it "the server costs more than it should while it records"
  dear_soon
  recorded "${dear[@]}"
  end_helpers
  floor_of_broken R3 "$calls"
  ratio_to_floor K "processor time of a recorded call, by the reflector's" '<=2' R3
  must_fail "processor time of a recorded call"

  break_it "the server costs more than it should while it mixes"
  dear_soon
  conferences "${dear[@]}"
  end_helpers
  floor_of_broken R5 "$large_room"
  ratio_to_floor Q "processor time of a member of a small room, by the reflector's" '<=2' R5
  ratio_to_floor L "processor time of a member of the large room, by the reflector's" '<=2' R5
  must_fail "processor time of a member of a small room"
  must_fail "processor time of a member of the large room"

  break_it "the server costs more than it should while its webhooks go out"
  dear_soon
  hooked "${dear[@]}"
  end_helpers
  must_fail server.cpu_ms_per_call

  break_it "a recorded file is lost, and half a second of another is silence"
  hurt_recordings() {
    local files=("$folder"/data/recordings/*_in.wav)
    rm -f "${files[0]}"
    dd if=/dev/zero of="${files[1]}" bs=8000 seek=5 count=1 conv=notrunc 2>/dev/null
  }
  recorded
  hurt_recordings() { :; }
  must_fail wav.files_missing
  must_fail wav.unpaired
  must_fail wav.gaps

  break_it "the server is stopped for 300 ms of every second while rooms talk"
  halting_soon 0.3 0.7 4
  conferences
  end_helpers
  must_fail media.on_time_percent
  must_fail room.

  break_it "the server is killed while its webhooks go out"
  { while [ -z "$(pgrep -P $$ -f "$binary serve" || true)" ]; do sleep 0.1; done
    sleep 6
    kill -KILL "$(pgrep -P $$ -f "$binary serve")"; } &
  helpers+=($!)
  hooked
  end_helpers
  must_fail calls.failed
  must_fail "calls from beginning to end"

  break_it "webhooks are signed with another secret"
  write_resources
  sed -i "s/$hook_secret/another/" "$folder/load-hook.json"
  hooked
  write_resources
  must_fail webhook.signature_wrong

  break_it "the server is stopped again and again, for 300 ms each time, while it is to speak"
  halting_soon 0.3 0.02 7
  spoken
  end_helpers
  must_fail media.first_sound.p99_ms

  break_it "half of the phones have another password, and the server is stopped now and then"
  sed -i '0~2s/load-1/lost-1/' "$folder/load-phones.json"
  halting_soon 0.5 0.5 2
  registered
  end_helpers
  write_resources
  must_fail register.refused
  must_fail register.first.p99_ms

  break_it "calls come up while phones register"
  users=1000
  write_resources
  { while ! http /readyz 2>/dev/null | grep -q '"ready":true'; do sleep 0.1; done
    sleep 0.5
    "$binary" load "$(uri echo)" --mode echo --calls 400 --rate 800 --duration 10 "${ports[@]}" --no-progress >/dev/null 2>&1; } &
  helpers+=($!)
  registered --expires 600
  end_helpers
  users=200
  write_resources
  must_fail register.kib_per_registration

  break_it "the server is stopped for 500 ms of every two seconds while the API is asked"
  halting_soon 0.5 1.5 3
  asked
  end_helpers
  must_fail http.reads.latency.p99_ms
  must_fail media.on_time_percent

  break_it "the API is asked with a key that is not there"
  load_key=vb_NobodyNobodyNobodyNobodyNobody00 asked
  must_fail "a report of the caller"
  seconds=$usual
}

# distort NAME ARGUMENTS...: each kind of sabotage of one tool must be noticed. Each registers from an address of its own: the wrong
# passwords of one would slow down the next.
distort() {
  local tool=$1 kind rest_of_line said from=() place=10
  shift
  while read -r kind rest_of_line; do
    place=$((place + 1))
    [ "$tool" != register ] || from=(--from-ip "127.0.0.$place")
    said=$("$binary" load "$tool" "$@" "${from[@]}" --strict --no-progress --sabotage "$kind" 2>&1 | grep "NOT MET  sabotage" || true)
    case "$said" in
      *'its detector fired'*) proofs+=("noticed      $tool, ${said#NOT MET  }") ;;
      *) proofs+=("NOT NOTICED  $tool, sabotage $kind: $said"); asleep_on_duty=$((asleep_on_duty + 1)) ;;
    esac
    printf '%s\n' "${proofs[-1]}"
  done < <("$binary" load "$tool" "$@" --sabotage list)
}

# distort_product: what the tools look for, distorted by themselves, because the server does not.
distort_product() {
  local sender
  start_with "phones key hook"
  distort register "sip:127.0.0.1:$sip_port" --users 40 --first-extension 100000 --rate 200 --duration 2 --refresh-rate 50 \
    --unregister --wrong-password 10 --timeout-ms 2000
  distort http "http://127.0.0.1:$http_port" --key "$load_key" --reads 100 --writes 50 --duration 2
  # Calls go on all the time, so that there are events and recordings.
  "$binary" load "$(uri recorded)" --mode echo --hold 2000 --calls 40 --rate 10 --duration 120 "${ports[@]}" --no-progress \
    >/dev/null 2>&1 &
  sender=$!
  helpers+=("$sender")
  distort webhook-sink --listen "127.0.0.1:$hook_port" --secret "$hook_secret" --duration 8 --calls 1
  end_helpers
  sleep 3
  distort check-wav "$folder/data/recordings" --files 1 --edge-ms 3000
  stop_server
}
