# Softphones for scripts of tests/wire: sourced after server.bash, not run. Each phone is a baresip of its own that sings one tone
# (made by sox), and records what it receives.
#
#   start_phone NAME HZ TO [ACCOUNT [SILENCE]]   calls TO; ACCOUNT is a line of baresip's accounts file (default: no registration);
#                                      the tone begins after SILENCE seconds (default 0)
#                                      (phone_config: further lines of its configuration)
#   press NAME KEYS                    types KEYS at the phone, during a call: sent as keys
#   told NAME TEXT SECONDS [TIMES]     waits until its log has TEXT, so many times
#   account EXTENSION                  the line of a phone that registers with the password that the server made up
#   end_phone NAME                     quits it; fails unless it ends by itself
#   received NAME                      the WAV file with what it received

declare -A phone_process phone_keys
phone_count=0
phone_base=$(free_range 25400 25699 100)
phone_rtp_base=$(free_range 31500 31999 200)

modules=""
for place in /usr/lib/baresip/modules /usr/lib/*/baresip/modules /usr/local/lib/baresip/modules; do
  if [ -e "$place/menu.so" ]; then modules=$place; fi
done
[ -n "$modules" ] || { echo "the modules of baresip are not where they should be (package baresip-core)"; exit 1; }

# write_phone NAME HZ ACCOUNT SILENCE: its folder. The filter sndfile records; aubridge takes the sound off without a sound card.
write_phone() {
  local phone=$folder/$1
  phone_port=$((phone_base + phone_count * 10))
  local rtp=$((phone_rtp_base + phone_count * 20))
  phone_count=$((phone_count + 1))
  mkdir "$phone"
  sox -n -r 8000 -b 16 -c 1 "$phone/tone.wav" synth 60 sine "$2" vol 0.15 pad "${4:-0}"
  cat >"$phone/config" <<CONFIG
sip_listen 127.0.0.1:$phone_port
net_interface 127.0.0.1
${phone_config:-}
rtp_ports $rtp-$((rtp + 18))
audio_source aufile,$phone/tone.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
snd_path $phone
module_path $modules
module stdio.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
CONFIG
  echo "${3:-<sip:$1@127.0.0.1:$phone_port>;regint=0};audio_codecs=PCMU" >"$phone/accounts"
  : >"$phone/contacts"
}

start_phone() {
  local name=$1 phone=$folder/$1 keys
  write_phone "$1" "$2" "${4:-}" "${5:-}"
  mkfifo "$phone/keys"
  timeout -k 2 60 stdbuf -oL baresip -f "$phone" ${3:+-e "/dial $3"} <"$phone/keys" >"$phone/log" 2>&1 &
  phone_process[$name]=$!
  exec {keys}>"$phone/keys"
  phone_keys[$name]=$keys
}

press() { printf '%s' "$2" >&"${phone_keys[$1]}"; }

told() {
  local try
  for try in $(seq $(($3 * 20))); do
    [ "$(tr '\r' '\n' <"$folder/$1/log" | grep -c "$2")" -ge "${4:-1}" ] && return
    kill -0 "${phone_process[$1]}" 2>/dev/null || break
    sleep 0.05
  done
  echo "the phone $1 did not tell \`$2\` within $3 s; the end of its log:"
  tr '\r' '\n' <"$folder/$1/log" | grep -v 'bit/s' | grep -v '^[[:cntrl:][:blank:]]*$' | tail -n 15 | sed 's/^/      | /'
  return 1
}

# account EXTENSION: at its first start the server makes a password for each extension of conf/demo.json, and keeps it in a file.
account() {
  local password
  password=$(sed -n "s/^ *\([^ ]*\) *password of extension $1\$/\1/p" "$folder/data/secrets/first-start.txt")
  [ -n "$password" ] || { echo "the server did not make a password for $1" >&2; return 1; }
  echo "<sip:$1@127.0.0.1:$sip_port>;auth_pass=$password;regint=60"
}

# end_phone NAME: hangs up, if it is in a call, and quits.
end_phone() {
  local keys=${phone_keys[$1]} status=0
  if kill -0 "${phone_process[$1]}" 2>/dev/null; then
    press "$1" b
    sleep 0.3
    press "$1" q
  fi
  exec {keys}>&-
  wait "${phone_process[$1]}" || status=$?
  [ "$status" = 0 ] || { echo "the phone $1 ended with code $status"; return 1; }
}

# received NAME: the phone makes one file for each call; the last one.
received() { find "$folder/$1" -name 'dump-*-dec.wav' | sort | tail -n 1; }
