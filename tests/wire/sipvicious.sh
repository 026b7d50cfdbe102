#!/usr/bin/env bash
# What a robot finds out that looks for phones to guess passwords of (SIPVicious): that a server is there, and no phone. Phones that
# exist get the answers of those that do not, to each method that it can ask by.   tests/wire/sipvicious.sh BINARY
# Numbers are for everybody by design; that the robot finds one of them shows that it can find something at all.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:?usage: tests/wire/sipvicious.sh BINARY}
# shellcheck source=tests/wire/lib/server.bash
. tests/wire/lib/server.bash
# shellcheck source=tests/wire/lib/python_tool.bash
. tests/wire/lib/python_tool.bash
python_tool sipvicious 0.3.8 sipvicious_svwar
provision=${PROVISION:-tests/wire/phones.json}
write_config "$provision"
start_server "$binary"
verdict=0

# scan WHAT ARGUMENT...: its findings in $folder/WHAT. A robot that asked nothing has found nothing, too: that is a fault.
scan() {
  local what=$1 before
  shift
  before=$(number edge_requests_total)
  HOME=$folder timeout 30 "$tool" -p "$sip_port" "$@" 127.0.0.1 >"$folder/$what" 2>&1 || true
  sleep 0.15 # the server shows its numbers every 100 ms
  if [ "$(number edge_requests_total)" = "$before" ] || grep -q Traceback "$folder/$what"; then
    echo "  $what: the robot did not work:"
    tail -n 10 "$folder/$what" | sed 's/^/      | /'
    verdict=1
  fi
}

HOME=$folder timeout 20 "${tool%svwar}svmap" -p "$sip_port" 127.0.0.1 >"$folder/map" 2>&1 || true
if grep -q "^| 127.0.0.1:$sip_port *| flowswitch *|" "$folder/map"; then
  echo "  svmap: found the server"
else
  echo "  svmap did not find the server:"
  sed 's/^/      | /' "$folder/map"
  verdict=1
fi

# 1001 to 1004 are there, 995 to 1000 and 1005 to 1010 are not.
for method in REGISTER INVITE OPTIONS; do
  scan $method -m $method -e 995-1010
  if grep -q '^| [0-9]* ' "$folder/$method"; then
    echo "  svwar, $method: found something:"
    grep '^|' "$folder/$method" | sed 's/^/      | /'
    verdict=1
  else
    echo "  svwar, $method: found nothing"
  fi
done

# Forced, it shows the first answer that it does not understand, and ends. So each is asked alone, and what it then tells must be
# the same but for what is different in any two requests.
alike() { sed -E "s/$1/EXTENSION/g; s/(nonce=\"|tag=|branch=|Call-ID: |rport=|127.0.0.1:)[-0-9A-Za-z]+/\\1/g" "$folder/$2"; }
for method in REGISTER INVITE OPTIONS; do
  wanted="" told=same
  for extension in 1999 1001 1002 2000; do
    scan "$method-$extension" -m $method -e $extension --force
    found=$(alike $extension "$method-$extension")
    [ -n "$wanted" ] || wanted=$found
    if [ "$found" != "$wanted" ]; then
      echo "  svwar, $method, forced: 1999, which is not there, and $extension are told apart:"
      told=apart verdict=1
      diff <(echo "$wanted") <(echo "$found") | cut -c 1-300 | sed 's/^/      | /'
    fi
  done
  grep -qE 'SIP/2.0 40[17]|found nothing' <<<"$wanted" || { echo "  svwar, $method, forced: no answer of a server that asks:"; sed 's/^/      | /' <<<"$wanted"; verdict=1; }
  [ $told = apart ] || echo "  svwar, $method, forced: told 1999, 1001, 1002 and 2000 the same"
done

printf 'echo\nnobody-here\n' >"$folder/names"
scan control -m INVITE -d "$folder/names" --force
if [ "$(grep -c '^| echo .*noauth' "$folder/control")" = 1 ] && ! grep -q '^| nobody' "$folder/control"; then
  echo "  svwar, INVITE, forced: found the number echo, which is for everybody, and no other"
else
  echo "  svwar should have found the number echo and no other:"
  sed 's/^/      | /' "$folder/control"
  verdict=1
fi
at_rest 15 'calls call_streams media_worker_open_streams' || verdict=1
unharmed call_panics_total || verdict=1
stop_server || verdict=1
exit $verdict
