#!/usr/bin/env bash
# SIP over TCP and TLS:   tests/wire/transports.sh BINARY
# SIPp calls over one TCP connection for all calls and over one for each; baresip registers and hears its own tone over TCP, then
# over TLS, where it trusts the certificate that the server has made and no other; openssl sees a new certificate after SIGHUP.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/transports.sh BINARY}
command -v openssl >/dev/null || { echo "openssl is missing"; exit 1; }
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/phone.bash
. tests/wire/lib/phone.bash
tls_port=$((sip_port + 1))
write_config tests/wire/numbers.json 't1_ms = 100' 't2_ms = 400' 't4_ms = 500'
echo '{ "extensions": [{ "extension": "1001", "password": "load-1001" }] }' >"$folder/phone.json"
sed -i "s|^provision = .*|provision = [\"tests/wire/numbers.json\", \"$folder/phone.json\"]|" "$folder/server.toml"
start_server "$binary"
failed=0

# report NAME STATUS [LOG]
report() {
  if [ "$2" = 0 ]; then
    printf '  %-28s ok\n' "$1"
  else
    printf '  %-28s failed\n' "$1"
    if [ -s "${3:-}" ]; then tail -n 15 "$3" | sed 's/\r$//; s/^/      | /'; fi
    failed=1
  fi
}

# SIPp, all at the same time: mode, scenario, number, calls, calls per second.
pids=() names=() place=0
while read -r mode name called calls rate; do
  [ -n "$mode" ] || continue
  place=$((place + 1))
  log=$folder/$mode-$name
  TERM=dumb timeout -k 2 25 sipp "127.0.0.1:$sip_port" -t "$mode" -sf "sipp-scenarios/$name.xml" -s "$called" -m "$calls" -r "$rate" \
    -i 127.0.0.2 -mi 127.0.0.2 -p $((25700 + place)) -mp $((32200 + place * 10)) -max_socket 100 -nostdin \
    -timeout 20s -timeout_error -recv_timeout 5000 -default_behaviors all,-bye \
    -trace_err -error_file "$log.errors" >"$log.out" 2>&1 </dev/null &
  pids+=($!) names+=("$mode-$name")
done <<'LIST'
t1 basic_call           echo    20 10
t1 server_bye           bye     10 10
t1 hold_and_resume      sound    3  3
t1 cancel_while_ringing ringing 10 10
t1 late_offer           bye      5  5
tn basic_call           echo    20 10
tn server_bye           bye     10 10
tn options_outside      echo    10 10
tn busy                 busy    10 10
LIST
for index in "${!pids[@]}"; do
  status=0
  wait "${pids[$index]}" || status=$?
  report "sipp ${names[$index]/-/ }" "$status" "$folder/${names[$index]}.errors"
done

# call TRANSPORT PORT HZ: baresip registers, calls `echo` and hears its tone.
call() {
  local name=over_$1 status=0
  start_phone "$name" "$3" "sip:echo@127.0.0.1:$2;transport=$1" "<sip:1001@127.0.0.1:$2;transport=$1>;auth_pass=load-1001;regint=600"
  told "$name" 'Call established' 5 || status=1
  told "$name" 'registered successfully' 5 || status=1
  sleep 3
  end_phone "$name" || status=1
  sox "$(received "$name")" -r 8000 -b 16 -c 1 "$folder/$name.wav" 2>"$folder/sox" &&
    "$binary" load check-wav "$folder/$name.wav" --content tone --tone "$3" --require 'wav.frames>=80' >"$folder/$name.report" 2>&1 || status=1
  report "baresip over $1" "$status" "$folder/$name.report"
}
call tcp "$sip_port" 600
phone_config="sip_cafile $folder/data/tls/self-signed.crt
sip_verify_server yes"
call tls "$tls_port" 900

# shown: the fingerprint of the certificate that the server shows, and whether it is for this address.
shown() {
  timeout 5 openssl s_client -connect "127.0.0.1:$tls_port" -CAfile "$1" -verify_ip 127.0.0.1 -verify_return_error </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256
}
own=$folder/data/tls/self-signed
before=$(shown "$own.crt") || true
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=new -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$own.key" -out "$own.crt" 2>"$folder/openssl"
kill -HUP "$server"
sleep 1
after=$(shown "$own.crt") || true
cp "$own.crt" "$folder/good.crt"
echo broken >"$own.crt"
kill -HUP "$server"
sleep 1
kept=$(shown "$folder/good.crt") || true
[ -n "$before" ] && [ -n "$after" ] && [ "$before" != "$after" ] && [ "$after" = "$kept" ] && status=0 || status=1
report "new certificate by SIGHUP" $status
grep -q 'the certificate is not changed' "$folder/server.log" || { echo "the log does not tell of the broken certificate"; failed=1; }
sed -i '/the certificate is not changed/d' "$folder/server.log"

at_rest 10 || failed=1
unharmed call_panics_total edge_malformed_total sip_connections_broken_total sip_undelivered_total || failed=1
stop_server || failed=1
exit $failed
