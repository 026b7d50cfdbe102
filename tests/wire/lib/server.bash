# A server of its own for a script of tests/wire: sourced, not run. Everything stays on 127.0.0.1.
#
#   start_server BINARY      starts it with $folder/server.toml, after the caller wrote the rest of that file by write_config
#   number METRIC            sum of a metric over its labels, a whole number
#   at_rest SECONDS          whether nothing is left of any call
#   stop_server              SIGTERM; fails unless the server ends cleanly by itself
#
# sip_port, http_port and rtp_first (of 400 ports) are free at the time of sourcing; `folder` is deleted at the end.

folder=$(mktemp -d)
server=""

# Whatever happens, nothing stays behind: neither the server nor the folder, unless KEEP=1 asks for the folder.
clean_up() {
  if [ -n "$server" ]; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ -n "${KEEP:-}" ]; then echo "kept: $folder"; else rm -rf "$folder"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# in_use: the local ports of all sockets of this machine, one per line.
in_use() {
  awk 'FNR > 1 { split($2, local, ":"); print local[2] }' /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    while read -r hex; do echo $((16#$hex)); done | sort -n -u
}

# free_range FIRST LAST COUNT: the first port of COUNT free ones that begin at a multiple of 10, at a random place.
free_range() {
  local first=$1 last=$2 count=$3 try port
  for try in $(seq 50); do
    port=$((first + RANDOM % ((last - first - count) / 10 + 1) * 10))
    if ! awk -v from="$port" -v to=$((port + count - 1)) '$1 >= from && $1 <= to { found = 1 } END { exit !found }' <(in_use); then
      echo "$port"
      return
    fi
  done
  echo "no $count free ports between $first and $last" >&2
  return 1
}

# First the sound of the server (200 ports), then its SIP and HTTP; the callers take what lies above 31500 and 25400.
rtp_first=$(free_range 30000 31499 400)
sip_port=$(free_range 25060 25399 3)
http_port=$((sip_port + 2)) # SIP over TLS has the one between

# write_config PROVISIONING [LINE...]: the configuration; further lines go into [sip].
write_config() {
  local provisioning=$1
  shift
  cat >"$folder/server.toml" <<TOML
data_dir = "$folder/data"
provision = ["$provisioning"]
drain_seconds = 5
[sip]
$(printf '%s\n' "$@")
[sip.udp]
address = "127.0.0.1"
port = $sip_port
[http]
address = "127.0.0.1"
port = $http_port
[rtp]
address = "127.0.0.1"
first_port = $rtp_first
last_port = $((rtp_first + 399))
ready_pairs = 32
rest_ms = 500
TOML
}

# http PATH: the body that the server answers, by bash alone.
http() {
  exec 3<>"/dev/tcp/127.0.0.1/$http_port" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
  sed '1,/^\r$/d' <&3
  exec 3>&-
}

# number METRIC: over all labels; a metric that does not exist is an error, not zero.
number() {
  awk -v name="flowswitch_$1" '
    { split($1, word, "{") }
    word[1] == name { found = 1; sum += $NF }
    END { if (!found) { print "there is no metric " name > "/dev/stderr"; exit 1 } printf "%d\n", sum }' <(http /metrics)
}

start_server() {
  "$1" serve --config "$folder/server.toml" >"$folder/server.log" 2>&1 &
  server=$!
  local try
  for try in $(seq 100); do
    http /readyz 2>/dev/null | grep -q '"ready":true' && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "the server did not start:"
  cat "$folder/server.log"
  return 1
}

gauges="calls sip_server_transactions sip_client_transactions sip_transaction_timers call_timers call_streams
  orphan_streams lane_depth media_worker_open_streams media_worker_facts_waiting media_worker_retired_waiting
  media_ports_resting media_loop_outbox log_queue_lines"

# at_rest SECONDS [GAUGES]: waits until every gauge of calls is zero; names those that are not in time.
at_rest() {
  local end=$((SECONDS + $1)) left name value gauges=${2:-$gauges}
  while :; do
    left=""
    for name in $gauges; do
      value=$(number "$name") || return 1
      [ "$value" = 0 ] || left="$left $name=$value"
    done
    [ -z "$left" ] && return
    [ $SECONDS -lt $end ] || break
    sleep 0.3
  done
  echo "left behind after the calls:$left"
  return 1
}

# unharmed METRIC...: each of them must be 0.
unharmed() {
  local name value bad=""
  for name in "$@"; do
    value=$(number "$name") || return 1
    [ "$value" = 0 ] || bad="$bad $name=$value"
  done
  [ -z "$bad" ] && return
  echo "these should be 0:$bad"
  return 1
}

stop_server() {
  kill -TERM "$server"
  local try status=0
  for try in $(seq 100); do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$server" 2>/dev/null; then
    echo "the server is still there 10 s after SIGTERM"
    return 1
  fi
  wait "$server" || status=$?
  server=""
  if [ "$status" != 0 ]; then
    echo "the server ended with code $status:"
    tail -n 5 "$folder/server.log"
    return 1
  fi
  if grep -q -i '"level":"ERROR"\|panicked' "$folder/server.log"; then
    echo "the server logged errors:"
    grep -i '"level":"ERROR"\|panicked' "$folder/server.log" | head -n 5
    return 1
  fi
}
