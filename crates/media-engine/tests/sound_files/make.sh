#!/usr/bin/env bash
# Makes the sounds of this folder again: pure tones, encoded by ffmpeg with LAME, libopus and libvorbis.
#   crates/media-engine/tests/sound_files/make.sh [FFMPEG]
# The committed files were made with ffmpeg 9.0.2 (as the Python package imageio-ffmpeg brings it). Other versions make other octets,
# but the tests must still hold: they measure tones, levels and lengths.
set -euo pipefail
cd "$(dirname "$0")"
ffmpeg=${1:-ffmpeg}

# make FILE RATE SECONDS SOURCE ARGUMENT...: SOURCE are the channels, in ffmpeg's terms.
make() {
  local file=$1 rate=$2 seconds=$3 source=$4
  shift 4
  "$ffmpeg" -v error -y -f lavfi -i "aevalsrc=$source:s=$rate:d=$seconds" -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$file"
}

# A quarter of full scale: peak 8192.
tone() { echo "0.25*sin(2*PI*$1*t)"; }
two=$(tone 600)\|$(tone 1400)

make mono_44100.mp3 44100 1 "$(tone 1000)" -c:a libmp3lame -b:a 48k
make stereo_48000.mp3 48000 1 "$two" -c:a libmp3lame -b:a 64k
# MPEG-2.5, behind an ID3v2 tag.
make mono_8000.mp3 8000 1 "$(tone 500)" -c:a libmp3lame -b:a 16k -id3v2_version 3 -metadata title="a tone of 500 Hz"
# MPEG-2, variable bit rate, and nothing that tells its length.
make untagged_22050.mp3 22050 1 "$(tone 1000)" -c:a libmp3lame -q:a 6 -write_xing 0 -id3v2_version 0
# Short, for tests that damage them.
make short.mp3 16000 0.2 "$(tone 1000)" -c:a libmp3lame -b:a 24k
make short.opus 48000 0.105 "$(tone 1000)" -c:a libopus -b:a 24k
make short.ogg 16000 0.2 "$(tone 1000)" -c:a libvorbis -q:a 0

# SILK, CELT and both.
make silk.opus 16000 1 "$(tone 500)" -c:a libopus -application voip -b:a 12k -frame_duration 60
make celt_stereo.opus 48000 1 "$two" -c:a libopus -application lowdelay -b:a 48k
# These two in pages of 200 ms.
make hybrid.opus 48000 1 "$(tone 1000)" -c:a libopus -application voip -b:a 24k -page_duration 200000
make stereo_44100.ogg 44100 1 "$two" -c:a libvorbis -q:a 1 -page_duration 200000
# What is not understood.
make surround.opus 48000 0.1 "$(tone 500)|$(tone 500)|$(tone 500)|$(tone 500)|$(tone 500)|$(tone 500)" -c:a libopus -mapping_family 1 -b:a 64k
make flac.ogg 8000 0.1 "$(tone 500)" -c:a flac
