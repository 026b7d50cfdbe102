#!/usr/bin/env bash
# Measures what the server must reach, and fails when one figure is missed:
#     scripts/figures.sh BINARY [SECONDS [SECTION ...]]   every figure, or some; SECONDS (default 60, at most 110) is the
#                                                         length of a run. Sections: plain recorded conferences hooked spoken
#                                                         registered asked
#     scripts/figures.sh --broken BINARY [SECONDS]        breaks server or caller on purpose: every check must fail once
# It starts servers of its own and calls them from 127.0.0.2; nothing leaves 127.0.0.0/8. The caller shares the processors
# with the server, so that nothing else should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --broken ]; then
  shift
  exec tests/load/broken.sh "$@"
fi
usage='usage: scripts/figures.sh [--broken] BINARY [SECONDS [SECTION ...]]'
binary=$(realpath "${1:?$usage}")
seconds=${2:-60}
sections=${*:3}
[ "$seconds" -ge 10 ] && [ "$seconds" -le 110 ] || { echo "SECONDS must be from 10 to 110" >&2; exit 2; }
calls=${FIGURE_CALLS:-1000}
# All calls are up after a sixth of the run, but no more than 100 are made per second in a run of a minute.
rate=$((calls * 6 / seconds))
folder=$(mktemp -d --suffix=-figures)
. tests/load/server.sh
. tests/load/judge.sh
. tests/load/product.sh

trap 'stop_server; end_jobs' EXIT
trap 'exit 130' INT TERM

uri() { echo "sip:$1@127.0.0.1:$sip_port"; }
ports=(--rtp-ports 44000-49999)

# floor RUN [STREAMS]: what a program costs that only receives and sends back.
floor() {
  local reflector streams=${2:-$calls}
  "$binary" load reflect --from-port 32000 --sockets "$streams" --threads "$(nproc)" >"$folder/$1.reflector" 2>&1 &
  reflector=$!
  sleep 1
  load "$1" "the bare reflector, $streams streams" rtp --target 127.0.0.1:32000 --calls "$streams" --rate "$rate" \
    --duration "$seconds" "${ports[@]}" --server-pid "$reflector" --strict --max-generator-late 1 \
    --require 'server.cpu_ms_per_call_second>=0'
  kill -INT "$reflector"
  wait "$reflector" || true
}

per_second() {
  load "$@" --mode setup --rate 500 --calls 4000 --duration "$seconds" "${ports[@]}" --server-pid "$server" --strict \
    --max-setup-p99-ms 50 --max-cpu-per-call-ms 0.4 --require "calls.started>=$((seconds * 495))"
}

# plain: calls echoed, prompts, calls set up and ended by either side.
plain() {
  local after=() run most
  echo "building the benchmark"
  build_message
  message M

  floor R1
  start_server "$binary" "$folder"
  load E "$calls echo calls" "$(uri echo)" --mode echo --calls "$calls" --rate "$rate" --duration "$seconds" "${ports[@]}" \
    --server-pid "$server" --strict --min-on-time 99 --max-echo-p99-ms 3 --max-generator-late 1 --max-kib-per-call 64 \
    --require "calls.answered>=$calls" --require 'server.cpu_ms_per_call_second>=0' --require 'server.peak.rss_kib>=0'
  row E "KiB per call, all of the process at its peak" \
    "$(rounded "$(awk -v peak="$(figure "$folder/E.json" server.peak.rss_kib)" -v calls="$calls" 'BEGIN { print peak / calls }')")" '<=64'
  rest E
  floor R2
  ratio_to_floor E "processor time of an echoed call, by the reflector's" '<=1.5' R1 R2

  # At least half of what each call hears must be sound; the prompt has pauses.
  load P "$calls prompt calls" "$(uri prompt)" --mode prompt --calls "$calls" --rate "$rate" --duration "$seconds" \
    "${ports[@]}" --server-pid "$server" --strict --min-on-time 99 --max-generator-late 1 \
    --expect-prompt $((seconds * 5 / 6 * 500)) --require "calls.answered>=$calls" --require 'server.cpu_ms_per_call_second>=0'
  rest P

  per_second B "500 calls per second, ended by the server" "$(uri bye)" --end server --hold 5000
  rest B

  for run in 1 2 3; do
    per_second "C$run" "500 calls per second, ended by the caller" "$(uri sleep)" --hold 200
    rest "C$run"
    after+=("$memory")
  done
  # A hundred octets left behind by each call would be 2.9 MiB in a run of a minute. The allocator gives pages back and takes
  # them again by some MiB, so the last run is held against the larger of the two before: what leaks only ever grows.
  most=$((after[0] > after[1] ? after[0] : after[1]))
  row C3 "KiB by which memory grew beyond C1 and C2 (${after[*]})" $((after[2] - most)) '<=1024'
  stop_server
}

write_resources
for section in ${sections:-plain recorded conferences hooked spoken registered asked}; do
  case $section in
    plain) plain ;;
    # What these cost is held against the bare reflector, measured before and after them.
    recorded) floor R3; recorded; floor R4; ratio_to_floor K "processor time of a recorded call, by the reflector's" '<=2' R3 R4 ;;
    conferences)
      floor R5 $((rooms * room_size))
      floor R6 "$large_room"
      conferences
      floor R7 $((rooms * room_size))
      floor R8 "$large_room"
      ratio_to_floor Q "processor time of a member of a small room, by the reflector's" '<=2' R5 R7
      ratio_to_floor L "processor time of a member of the large room, by the reflector's" '<=2' R6 R8
      ;;
    hooked | spoken | registered | asked) "$section" ;;
    *) echo "no section $section" >&2; exit 2 ;;
  esac
done

[ ! -s "$folder/server.log" ] || { printf '\nthe log of the server:\n'; cut -c1-300 "$folder/server.log" | tail -n 20; }
finish
