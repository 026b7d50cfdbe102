# To be sourced by bash scripts that load a server of their own: starts it, reads its numbers, sees whether it has come
# to rest. Needs nothing but bash, awk and the server. Everything stays on 127.0.0.0/8.

sip_port=${SIP_PORT:-26060}
http_port=${HTTP_PORT:-26080}
server=

# start_server BINARY FOLDER [NAME=VALUE ...]: with the numbers of load.json, and FLOWSWITCH_NAME=VALUE for each; sets $server.
start_server() {
  local binary=$1 folder=$2
  shift 2
  env FLOWSWITCH_DATA_DIR="$folder/data" FLOWSWITCH_PROVISION=tests/load/load.json FLOWSWITCH_MEDIA__FOLDER=media \
    FLOWSWITCH_SIP__UDP__ADDRESS=127.0.0.1 FLOWSWITCH_SIP__UDP__PORT="$sip_port" \
    FLOWSWITCH_HTTP__ADDRESS=127.0.0.1 FLOWSWITCH_HTTP__PORT="$http_port" FLOWSWITCH_LOG__LEVEL=warn \
    FLOWSWITCH_RTP__ADDRESS=127.0.0.1 FLOWSWITCH_RTP__FIRST_PORT=36000 FLOWSWITCH_RTP__LAST_PORT=43999 \
    "${@/#/FLOWSWITCH_}" "$binary" serve >>"$folder/server.log" 2>&1 &
  server=$!
  await_server "$folder"
  # It shows its numbers every 100 ms, and opens the port pairs that it keeps ready.
  sleep 0.5
  other_descriptors=$(descriptors_but_rtp)
}

# await_server FOLDER: waits until $server answers. Fails, and has left nothing running, when it does not within 30 s; its log,
# FOLDER/server.log, then goes to standard error.
await_server() {
  # Whether it lives is looked at after the answer: another server may have the port.
  local end=$((SECONDS + 30)) answers=
  while [ -z "$answers" ] && [ "$SECONDS" -lt "$end" ] && sleep 0.1 && kill -0 "$server" 2>/dev/null; do
    { http /readyz | grep -q '"ready":true'; } 2>/dev/null && answers=yes
  done
  sleep 0.1
  { [ -n "$answers" ] && kill -0 "$server" 2>/dev/null; } || {
    echo "the server did not start; its log:"
    cat "$1/server.log"
    # It need not be so far that it knows SIGINT, which a shell makes its children in the background ignore.
    end_process "$server" TERM 2 || true
    server=
    return 1
  } >&2
}

# stop_server: ends it, and kills it when it does not end.
stop_server() {
  [ -n "$server" ] || return 0
  end_process "$server" INT 30 || echo "the server did not end within 30 s of SIGINT: killed" >&2
  server=
}

# end_process PROCESS SIGNAL SECONDS: of a child of this shell; one that is still there after so many seconds is killed, which
# is a failure.
end_process() {
  local tries=$(($3 * 10)) killed=0
  kill "-$2" "$1" 2>/dev/null || true
  while kill -0 "$1" 2>/dev/null && [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
  done
  if kill -KILL "$1" 2>/dev/null; then killed=1; fi
  wait "$1" 2>/dev/null || true
  return "$killed"
}

# end_jobs: whatever still runs in the background of this shell, and what that has started.
end_jobs() {
  local job
  for job in $(jobs -p); do
    pkill -TERM -P "$job" 2>/dev/null || true
    end_process "$job" TERM 2 || true
  done
}

# http PATH: the body that the server answers, within 5 s.
http() {
  exec 3<>"/dev/tcp/127.0.0.1/$http_port" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
  # Somebody may take the connection and say nothing.
  timeout 5 sed '1,/^\r$/d' <&3
  exec 3>&-
}

# metric NAME: its value, summed over its labels.
metric() {
  http /metrics | awk -v name="flowswitch_$1" '{ of = $1; sub(/\{.*/, "", of) } of == name { sum += $2 } END { print sum + 0 }'
}

# memory_kib: what the server has resident; 0 when it is gone.
memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status" 2>/dev/null || echo 0; }

# descriptors_but_rtp: open files and sockets that are not in the port pool, which keeps some ready.
descriptors_but_rtp() { echo $(($(metric process_open_fds) - $(metric media_ports_descriptors))); }

# leftovers: every gauge of /metrics that says that something is still going on, one per line; nothing if there is none.
# Every gauge must be 0 but those that are named here, so that one that is new is looked at.
leftovers() {
  http /metrics | awk -v other="$other_descriptors" -v ready="${READY_PAIRS:-256}" '
    BEGIN {
      split("port_stock media_ports_leased media_ports_idle media_ports_descriptors " \
        "media_sounds_cached media_sounds_cached_octets media_sounds_joined http_connections " \
        "media_sounds_speech_disk_octets media_sounds_speech_first_ms_max store_log_accepted_seq store_log_first_seq " \
        "store_log_segments store_log_octets store_log_last_sync_us store_log_longest_sync_us store_log_subscribers " \
        "store_database_longest_commit_us store_records_resume_seq bridges " \
        "store_records_live store_records_timelines store_records_timeline_octets " \
        "log_queue_lines process_resident_memory_bytes process_threads process_open_fds", names, " ")
      for (at in names) judged["flowswitch_" names[at]] = 1
    }
    # What is called _size or _max is a bound.
    $1 == "#" && $2 == "TYPE" { gauge[$3] = $4 == "gauge" && $3 !~ /_(size|max)$/; next }
    $1 == "#" { next }
    {
      seen++
      name = $1
      sub(/\{.*/, "", name)
      value[name] += $2
      if (gauge[name] && !judged[name] && $2 != 0) print $1 " is " $2
    }
    function of(name) { return value["flowswitch_" name] }
    END {
      if (!seen) print "the server does not answer"
      leased = of("media_ports_leased") - of("port_stock")
      if (leased) print leased " port pairs are leased beyond the stock of the control loops"
      if (of("media_ports_idle") > ready) print of("media_ports_idle") " port pairs are open and idle, more than " ready
      sockets = of("media_ports_descriptors") - 2 * (of("media_ports_leased") + of("media_ports_idle") + of("media_ports_resting"))
      if (sockets) print sockets " sockets are in no port pair"
      files = of("process_open_fds") - of("media_ports_descriptors") - other
      if (files > 0) print files " other descriptors more than at the start"
      # The bridge of a conference that was entered lives as long as the conference, and so does its record. Its timeline is
      # written when it has 64 KiB, or 500,000 entries later, and until then is in memory.
      bridges = of("bridges")
      records = of("store_records_live") - bridges
      if (records) print records " live records that are no bridges"
      if (of("store_records_timelines") > bridges) print of("store_records_timelines") " timelines of " bridges " bridges"
      octets = of("store_records_timeline_octets")
      if (octets > bridges * 65536) print octets " octets of timelines of " bridges " bridges"
      if (of("http_connections") > 1) print of("http_connections") " HTTP connections"
    }'
}

# await_rest SECONDS: waits so long at most until nothing is left; sets $rested (seconds) and $left (what was not at rest).
await_rest() {
  local from=$SECONDS
  while left=$(leftovers) && [ -n "$left" ] && [ $((SECONDS - from)) -lt "$1" ]; do sleep 0.5; done
  rested=$((SECONDS - from))
  [ -z "$left" ]
}
