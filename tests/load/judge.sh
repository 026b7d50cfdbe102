# To be sourced: figures, what is required of them, and the table of both. Needs $binary and $folder.

rows=()
commands=()
missed=0

# row RUN FIGURE VALUE LIMIT: one line of the table; LIMIT is `<=number` or `>=number`, `-` if the figure is only told.
row() {
  local verdict=ok
  if [ "$4" = - ]; then
    verdict=
  elif ! awk -v value="$3" -v limit="${4:2}" -v sign="${4:0:2}" \
    'BEGIN { exit !(value ~ /^-?[0-9.]+$/ && (sign == "<=" ? value + 0 <= limit + 0 : value + 0 >= limit + 0)) }'; then
    verdict=MISSED
    missed=$((missed + 1))
  fi
  rows+=("$(printf '%-3s %-58s %12s  %-8s %s' "$1" "$2" "$3" "$4" "$verdict")")
  printf '%s\n' "${rows[-1]}"
}

# requirements FILE: of each requirement in a report of `flowswitch load` the figure, the limit, the value, true or false.
requirements() {
  awk -F'": ' '
    /"requirement":/ { text = $2; gsub(/[",]/, "", text); at = match(text, /[<>]=/) }
    /"value":/ && at { value = $2; sub(/,$/, "", value) }
    /"met":/ && at {
      print substr(text, 1, at - 1), substr(text, at), (value == "null" ? "unknown" : sprintf("%.10g", value)), $2
      at = 0
    }' "$1"
}

# figure FILE NAME: one of them.
figure() { requirements "$1" | awk -v name="$2" '$1 == name { print $3; exit }'; }

# load RUN WHAT ARGUMENTS...: what `flowswitch load` does with these, be it calls or something else; what it requires becomes rows.
load() {
  local run=$1 what=$2
  shift 2
  printf '\n%s: %s\n' "$run" "$what"
  load_quietly "$run" "$@"
  judge "$run"
}

# load_quietly RUN ARGUMENTS...: the same without rows, for what goes on in the background; judge RUN makes them afterwards.
load_quietly() {
  local run=$1
  shift
  rm -f "$folder/$run.json"
  "$binary" load "$@" --no-progress --json "$folder/$run.json" >"$folder/$run.text" 2>&1 || true
  printf '%-3s flowswitch load %s\n' "$run" "$*" >"$folder/$run.command"
}

# judge RUN: rows of what was required. Figures that have to be zero share a row, and those that are not zero have one each.
judge() {
  local run=$1 name limit value met zero=0 nonzero=0
  commands+=("$(cat "$folder/$run.command")")
  [ -s "$folder/$run.json" ] || { cat "$folder/$run.text"; row "$run" "a report of the caller" none '>=1'; return; }
  while read -r name limit value met; do
    case "$limit,$met" in
      '<=0,true') zero=$((zero + 1)) ;;
      '<=0,false') row "$run" "$name" "$value" "$limit"; nonzero=$((nonzero + 1)) ;;
      '>=0,true') row "$run" "$name" "$(rounded "$value")" - ;;
      *) row "$run" "$name" "$(rounded "$value")" "$limit" ;;
    esac
  done < <(requirements "$folder/$run.json")
  [ $((zero + nonzero)) = 0 ] ||
    row "$run" "faults, of $((zero + nonzero)) figures that have to be zero" "$nonzero" '<=0'
  # What went wrong, in the caller's words.
  sed -n '/^[0-9]* \(calls\|times\): /,$p' "$folder/$run.text" | grep -v -e '^NOT MET' -e '^all ' || true
}

rounded() { awk -v value="$1" 'BEGIN { print (value ~ /^-?[0-9.]+$/ ? sprintf("%.4g", value) : value) }' |
  awk '{ print ($1 ~ /e/ ? sprintf("%d", $1) : $1) }'; }

# build_message: builds what message runs.
build_message() { cargo bench --locked --quiet --bench sip_message --no-run; }

# message RUN [COMMAND ...]: what one SIP message costs; run by COMMAND, if given.
message() {
  local run=$1 name value found=0
  shift
  printf '\n%s: parse and write an INVITE of 1 KB\n' "$run"
  commands+=("$(printf '%-3s %s' "$run" "${*:+$* }cargo bench --bench sip_message -- parse_and_write")")
  "$@" cargo bench --locked --quiet --bench sip_message -- --noplot --warm-up-time 1 --measurement-time 2 \
    parse_and_write >"$folder/$run.text" 2>&1 || true
  # "NAME  time: [low µs middle µs high µs]", the name perhaps on a line of its own.
  while read -r name value; do
    row "$run" "$name, µs" "$value" '<=5'
    found=$((found + 1))
  done < <(awk '
    BEGIN { unit["ns"] = 0.001; unit["µs"] = 1; unit["us"] = 1; unit["ms"] = 1000 }
    $1 ~ /^invite_/ { name = $1 }
    match($0, /time: *\[/) {
      split(substr($0, RSTART + RLENGTH), part, " ")
      printf "%s %.3f\n", name, part[3] * unit[part[4]]
    }' "$folder/$run.text")
  [ "$found" = 2 ] || { cat "$folder/$run.text"; row "$run" "measured of 2" "$found" '>=2'; }
}

# rest RUN: 40 s after a load nothing may be left, and memory must have stopped growing.
rest() {
  await_rest "${REST_SECONDS:-40}" || true
  row "$1" "gauges and descriptors not at rest after $rested s" "$([ -z "$left" ] && echo 0 || wc -l <<<"$left")" '<=0'
  [ -z "$left" ] || sed 's/^/      /' <<<"$left"
  # The kernel may join pages to a large one now and then, which looks like growth once; so there are three tries.
  local try before
  for try in 1 2 3; do
    before=$(memory_kib)
    sleep 5
    memory=$(memory_kib)
    [ $((memory - before)) -gt 256 ] || break
  done
  row "$1" "KiB by which memory still grew in 5 s" $((memory - before)) '<=256'
}

# finish: the table and the commands; the script's exit code.
finish() {
  printf '\n%s\n' "$(date -u +'%F %H:%M UTC'), $(nproc) processors: $(machine)"
  printf '\n%-3s %-58s %12s  %-8s %s\n' run figure value limit verdict
  printf '%s\n' "${rows[@]}"
  printf '\nrun command\n'
  printf '%s\n' "${commands[@]}"
  printf '\nreports: %s\n' "$folder"
  [ "$missed" = 0 ] || { printf '%s figures were MISSED\n' "$missed"; return 1; }
  printf 'every figure was reached\n'
}

machine() { printf '%s, Linux %s' "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" "$(uname -r)"; }
