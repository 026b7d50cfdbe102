//! Sound files from strangers: files of every kind, cut, mixed and with bits turned, against the decoders. About two seconds each,
//! or `FUZZ_SECONDS`.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../fuzz/cases.rs"]
mod cases;
#[path = "support/ogg.rs"]
mod ogg;
#[path = "support/wav_file.rs"]
mod wav_file;

use std::io::Cursor;

use cases::{Dice, cases, show};
use media_engine::decode_sound;
use wav_file::wav_file;

/// Longest sound, s.
const LONGEST_S: u32 = 5;
/// The limit is looked at in blocks: this much more may come out.
const ONE_BLOCK: usize = 2 * 32_768;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/sound_files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn wav(tag: u16, channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let sound: Vec<u8> = (0..352u32).map(|n| (n * 37) as u8).collect();
    wav_file(tag, channels, rate_hz, bits, &sound)
}

fn whole_files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = ["short.mp3", "short.opus", "short.ogg"].map(file).into();
    files.extend([wav(1, 1, 8_000, 16), wav(1, 2, 44_100, 24), wav(3, 1, 16_000, 32), wav(7, 1, 8_000, 8)]);
    files.push([b"ID3\x03\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0".as_slice(), &file("short.mp3")].concat());
    files
}

/// Pieces that mean something somewhere.
const PIECES: [&[u8]; 10] = [
    b"RIFF\xff\xff\xff\xffWAVE",
    b"data\xff\xff\xff\xff",
    b"fmt \x28\0\0\0\xfe\xff",
    b"OggS\0\x02",
    b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0",
    b"\x05vorbis",
    b"ID3\x04\0\x10\x7f\x7f\x7f\x7f",
    &[0xff, 0xfb, 0x90, 0x64],
    &[0xff; 8],
    &[0; 16],
];

fn decode(octets: &[u8], dice: &mut Dice) -> usize {
    show(octets);
    let content_type =
        dice.pick(&[None, None, Some("audio/mpeg"), Some("audio/ogg"), Some("audio/wav"), Some("audio/basic")]);
    let url = dice.pick(&["file:a.wav", "file:a.mp3", "file:a.opus", "http://h/a.sln16", "http://h/a?b.c#d", ""]);
    match decode_sound(Cursor::new(octets), *content_type, url, LONGEST_S) {
        Ok(samples) => {
            assert!(!samples.is_empty());
            assert!(samples.len() <= LONGEST_S as usize * 8_000 + ONE_BLOCK, "{} samples", samples.len());
            samples.len()
        }
        Err(why) => {
            assert!(!why.is_empty() && why.len() < 500, "{why}");
            0
        }
    }
}

#[test]
fn damaged_files_give_sound_or_a_reason() {
    let files = whole_files();
    let heard = std::cell::Cell::new(0);
    let done = cases(2.0, 40, |_, dice| {
        let mut octets = dice.pick(&files).clone();
        dice.mutate(&mut octets, &PIECES, &files);
        heard.set(heard.get() + u64::from(decode(&octets, dice) > 0));
    });
    assert!(heard.get() * 4 > done, "only {} of {done} files still had sound: nothing deep is reached", heard.get());
}

#[test]
fn damage_that_the_check_sums_of_ogg_do_not_show_gives_sound_or_a_reason() {
    let files = ["short.opus", "short.ogg"].map(file);
    cases(2.0, 40, |_, dice| {
        let mut octets = dice.pick(&files).clone();
        for _ in 0..1 + dice.below(8) {
            // Beyond the head of the first page; often within the first packets, which hold the tables.
            let reach = if dice.one_in(2) { octets.len() } else { octets.len().min(400) };
            let at = 28 + dice.below(reach - 28);
            if dice.one_in(2) { octets[at] ^= 1 << dice.below(8) } else { octets[at] = dice.next() as u8 }
        }
        ogg::make_whole(&mut octets);
        decode(&octets, dice);
    });
}

#[test]
fn files_cut_off_at_any_place_give_sound_or_a_reason() {
    let files = whole_files();
    cases(1.0, 40, |seed, dice| {
        let file = &files[seed as usize % files.len()];
        decode(&file[..dice.below(file.len())], dice);
    });
}

#[test]
fn noise_behind_a_true_beginning_gives_sound_or_a_reason() {
    cases(1.0, 20, |_, dice| {
        let mut octets = dice.pick(&PIECES).to_vec();
        octets.extend((0..dice.below(20_000)).map(|_| dice.next() as u8).collect::<Vec<u8>>());
        decode(&octets, dice);
    });
}
