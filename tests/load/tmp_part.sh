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
trap 'end_helpers; stop_server' EXIT

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

printf '\nwhat was broken, and the check that noticed\n'
printf '%s\n' "${proofs[@]}" | sed 's/  */ /g'
printf '\nreports: %s\n' "$folder"
[ "$asleep_on_duty" = 0 ] || { printf '%s times a check did not notice\n' "$asleep_on_duty"; exit 1; }
echo "every check has noticed"
