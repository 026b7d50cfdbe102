#!/usr/bin/env bash
# Phones register: SIPp with the right password and with a wrong one, then the built-in load with both algorithms.
#     tests/wire/register.sh BINARY
# REGISTRAR=HOST:PORT uses a registrar that is there already, in which 1001 to 1004 have the passwords load-1001 to load-1004.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/register.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
registrar=${REGISTRAR:-127.0.0.1:$sip_port}
if [ -z "${REGISTRAR:-}" ]; then
  write_config tests/wire/phones.json
  printf '[registrar]\nalgorithms = ["MD5", "SHA-256"]\n' >>"$folder/server.toml"
  start_server "$binary"
fi
failed=0

# phones PASSWORD: SIPp's file of users; the credentials go into the second request as they are.
phones() {
  echo SEQUENTIAL
  for extension in 1001 1002 1003 1004; do
    echo "$extension;[authentication username=$extension password=${1//@/$extension}]"
  done
}
phones load-@ >"$folder/register.csv"
phones no-such-password >"$folder/register_wrong.csv"

place=0
for name in register register_wrong; do
  log=$folder/$name
  place=$((place + 1))
  if TERM=dumb timeout -k 2 30 sipp "$registrar" -sf "sipp-scenarios/$name.xml" -inf "$log.csv" -m 4 -r 4 -i 127.0.0.2 \
    -p $((25900 + place)) -nostdin -timeout 25s -timeout_error -recv_timeout 5000 -trace_err -error_file "$log.errors" \
    -trace_msg -message_file "$log.messages" >"$log.out" 2>&1 </dev/null; then
    printf '  %-22s ok\n' "$name"
  else
    printf '  %-22s failed\n' "$name"
    failed=1
    if [ -s "$log.errors" ]; then tail -n 20 "$log.errors" | sed 's/\r$//; s/^/      | /'; fi
  fi
done

for algorithm in ${ALGORITHMS:-md5 sha256}; do
  report=$folder/load-$algorithm
  if "$binary" load register "sip:$registrar" --users 4 --first-extension 1001 --rate 20 --duration 2 --refresh-rate 20 \
    --algorithm "$algorithm" --wrong-password 25 --unregister --strict --no-progress \
    --require 'register.accepted>=3' --require 'register.wrong_refused>=1' --require 'register.removed>=3' >"$report" 2>&1; then
    printf '  %-22s ok\n' "load, $algorithm"
  else
    printf '  %-22s failed\n' "load, $algorithm"
    sed 's/^/      | /' "$report"
    failed=1
  fi
done

if [ -n "$server" ]; then
  unharmed call_panics_total edge_malformed_total || failed=1
  stop_server || failed=1
fi
exit $failed
