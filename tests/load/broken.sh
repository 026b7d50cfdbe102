#!/usr/bin/env bash
# Shows that each check of `scripts/figures.sh` notices what it is there for: server, caller or machine is broken on
# purpose, and the check must fail. Run by:
#     scripts/figures.sh --broken BINARY [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:?usage: scripts/figures.sh --broken BINARY [SECONDS]}")
seconds=${2:-8}
folder=$(mktemp -d --suffix=-broken)
. tests/load/server.sh
. tests/load/judge.sh
. tests/load/product.sh
. tests/load/broken_product.sh
asleep_on_duty=0
helpers=()
proofs=()

end_helpers() {
  local helper
  for helper in "${helpers[@]}"; do
    kill -KILL "$helper" 2>/dev/null || true
    wait "$helper" 2>/dev/null || true
  done
  helpers=()
  [ -z "$server" ] || kill -CONT "$server" 2>/dev/null || true
}
trap 'end_helpers; stop_server; end_jobs' EXIT
trap 'exit 130' INT TERM

ports=(--rtp-ports 44000-49999)
uri() { echo "sip:$1@127.0.0.1:$sip_port"; }
# With short timers, so that what must come to rest does so soon.
short_timers=(SIP__T1_MS=30 SIP__T2_MS=120 SIP__T4_MS=150 RTP__REST_MS=500)
REST_SECONDS=6

# break_it WHAT: a heading; what follows is broken in this way.
break_it() { printf '\n=== %s\n' "$1"; breakage=$1; first=${#rows[@]}; }

# must_fail FIGURE: the figure (the beginning of its name) must have been missed since the last break_it.
must_fail() {
  local line
  for line in "${rows[@]:first}"; do
    if [[ "$line" == *" $1"* && "$line" == *MISSED ]]; then
      proofs+=("noticed      $breakage: ${line#* }")
      return
    fi
  done
  proofs+=("NOT NOTICED  $breakage: $1")
  asleep_on_duty=$((asleep_on_duty + 1))
}

# halting ON OFF: from now on stops the server for ON seconds, lets it go on for OFF, and so forth.
halting() {
  local pid=$server
  while :; do sleep "$2"; kill -STOP "$pid"; sleep "$1"; kill -CONT "$pid"; done 2>/dev/null &
  helpers+=($!)
}

echo_calls() {
  load "$1" "$2 echo calls" "$(uri echo)" --mode echo --calls "$2" --rate 100 --duration "$seconds" "${ports[@]}" \
    --server-pid "$server" --strict --min-on-time 99 --max-echo-p99-ms 3 --max-kib-per-call 64 \
    --require "calls.answered>=$2" --require 'server.cpu_ms_per_call_second>=0' "${@:3}"
}
prompt_calls() {
  load "$1" "$2 prompt calls" "$(uri prompt)" --mode prompt --calls "$2" --rate 100 --duration "$seconds" "${ports[@]}" \
    --server-pid "$server" --strict --min-on-time 99 --max-kib-per-call 64 --require "calls.answered>=$2"
}
# set_up RUN RATE [MOST]
set_up() {
  load "$1" "$2 calls per second" "$(uri sleep)" --mode setup --hold 200 --rate "$2" --calls "${3:-4000}" \
    --duration "$seconds" "${ports[@]}" --server-pid "$server" --strict --max-setup-p99-ms 50 --max-cpu-per-call-ms 0.4 \
    --require "calls.started>=$(($2 * seconds * 99 / 100))"
}

start_server "$binary" "$folder" "${short_timers[@]}"

break_it "the server is stopped for 30 ms ten times a second"
halting 0.03 0.07
echo_calls 1 100
must_fail media.on_time_percent
must_fail media.echo_delay.p99_ms
end_helpers

break_it "the same, with prompts"
halting 0.03 0.07
prompt_calls 2 100
end_helpers
must_fail media.on_time_percent
stop_server

break_it "the server is stopped for 300 ms every second"
start_server "$binary" "$folder" "${short_timers[@]}"
halting 0.3 0.7
set_up 3 100
end_helpers
must_fail sip.setup.p99_ms
stop_server

break_it "the caller may have ten calls at a time"
start_server "$binary" "$folder" "${short_timers[@]}"
set_up 4 100 10
must_fail calls.started
stop_server

break_it "the caller is killed with 300 calls up"
start_server "$binary" "$folder" "${short_timers[@]}"
empty=$(memory_kib)
"$binary" load "$(uri echo)" --calls 300 --rate 300 --duration 60 "${ports[@]}" --no-progress >/dev/null 2>&1 &
helpers+=($!)
sleep 3
end_helpers
rest 5
must_fail "gauges and descriptors"
row 5 "KiB by which memory grew" $((memory - empty)) '<=1024'
must_fail "KiB by which memory grew"
stop_server

break_it "new calls come while memory is measured"
start_server "$binary" "$folder" "${short_timers[@]}"
REST_SECONDS=0
"$binary" load "$(uri prompt)" --mode prompt --calls 2000 --rate 90 --duration 22 "${ports[@]}" --no-progress >/dev/null 2>&1 &
helpers+=($!)
rest 6
REST_SECONDS=6
end_helpers
must_fail "KiB by which memory still grew in"
stop_server

break_it "an HTTP connection is left open"
start_server "$binary" "$folder" "${short_timers[@]}"
exec 4<>"/dev/tcp/127.0.0.1/$http_port"
rest 7
exec 4>&-
must_fail "gauges and descriptors"

break_it "a prompt of two minutes is decoded for ten calls"
prompt_calls 8 10
must_fail server.kib_per_call
stop_server

break_it "there are ports for twenty calls only"
start_server "$binary" "$folder" "${short_timers[@]}" RTP__LAST_PORT=36039
echo_calls 9 100
must_fail calls.failed
must_fail calls.answered
stop_server

break_it "the server is stopped for eight seconds"
start_server "$binary" "$folder" "${short_timers[@]}"
seconds=15
{ sleep 4; kill -STOP "$server"; sleep 8; kill -CONT "$server"; } &
helpers+=($!)
echo_calls 10 100 --drain-ms 1000
seconds=${2:-8}
end_helpers
must_fail media.lost_by_server
stop_server

break_it "the log tells every message"
start_server "$binary" "$folder" "${short_timers[@]}" LOG__LEVEL=trace
set_up 11 500
must_fail server.cpu_ms_per_call
stop_server

if command -v strace >/dev/null; then
  break_it "every system call of the server is traced"
  start_server "$binary" "$folder" "${short_timers[@]}"
  strace -f -p "$server" -o /dev/null 2>/dev/null &
  helpers+=($!)
  sleep 1
  sabotage=()
else
  break_it "the caller says that the server took more time (no strace here to slow it down)"
  start_server "$binary" "$folder" "${short_timers[@]}"
  sabotage=(--sabotage hog-server)
fi
echo_calls 12 100 "${sabotage[@]}"
end_helpers
stop_server
floor_of_broken 13 100
row 12 "processor time of an echoed call, by the reflector's" \
  "$(awk -v echo="$(figure "$folder/12.json" server.cpu_ms_per_call_second)" \
    -v floor="$(figure "$folder/13.json" server.cpu_ms_per_call_second)" \
    'BEGIN { print (floor > 0 ? sprintf("%.3f", echo / floor) : "unknown") }')" '<=1.5'
must_fail "processor time of an echoed call"

break_it "ten programs share a processor with the benchmark"
build_message
for _ in $(seq 10); do
  taskset -c 0 bash -c 'while :; do :; done' &
  helpers+=($!)
done
message 14 taskset -c 0
end_helpers
must_fail invite_

break_product

# What the caller looks for in each packet and message: it distorts them itself, because the server does not.
start_with rooms
while read -r kind rest_of_line; do
  case "$rest_of_line" in
    *'--mode menu'*) arguments=("$(uri menu)" --mode menu --tone 1000) ;;
    *'--mode room'*) arguments=("$(uri conf)" --mode room --room-size 20) ;;
    *'--mode talk'*) arguments=("$(uri talk)" --mode talk --hold 3000) ;;
    *'--end server'*) arguments=("$(uri bye)" --mode setup --end server --hold 2000 --end-within 4) ;;
    *'--mode setup'*) arguments=("$(uri sleep)" --mode setup --hold 500) ;;
    *) arguments=("$(uri echo)" --mode echo) ;;
  esac
  if said=$("$binary" load "${arguments[@]}" --calls 20 --rate 20 --duration 5 "${ports[@]}" --server-pid "$server" --no-progress \
    --sabotage "$kind" 2>&1); then :; fi
  said=$(grep "NOT MET  sabotage" <<<"$said" || true)
  case "$said" in
    *'its detector fired'*) proofs+=("noticed      ${said#NOT MET  }") ;;
    *) proofs+=("NOT NOTICED  sabotage $kind: $said"); asleep_on_duty=$((asleep_on_duty + 1)) ;;
  esac
  printf '%s\n' "${proofs[-1]}"
done < <("$binary" load --sabotage list)
stop_server
distort_product

printf '\nwhat was broken, and the check that noticed\n'
printf '%s\n' "${proofs[@]}" | sed 's/  */ /g'
printf '\nreports: %s\n' "$folder"
[ "$asleep_on_duty" = 0 ] || { printf '%s times a check did not notice\n' "$asleep_on_duty"; exit 1; }
echo "every check has noticed"
