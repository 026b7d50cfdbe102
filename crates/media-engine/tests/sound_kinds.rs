//! Files of every kind that is understood, made by encoders of others (`sound_files/make.sh`): their tones, levels and lengths.
#![allow(clippy::unwrap_used)] // test code outside of test functions

#[path = "support/ogg.rs"]
mod ogg;

use std::io::Cursor;

use media_core::tone::goertzel;
use media_engine::decode_sound;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/sound_files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn decoded(octets: &[u8]) -> Result<Vec<i16>, String> {
    decode_sound(Cursor::new(octets), None, "file:a.sound", 60)
}

/// The tones are there at their level (peak; within 1 dB), and there is not much else. The ends are left out: encoders smear them.
fn assert_tones(name: &str, samples: &[i16], tones: &[(f64, f64)]) {
    let edge = samples.len() / 8;
    let middle = &samples[edge..samples.len() - edge];
    let mut power = 0.0;
    for (hertz, peak) in tones {
        let heard = goertzel(middle, *hertz);
        assert!((20.0 * (heard / peak).log10()).abs() < 1.0, "{name}: {hertz} Hz has {heard:.0} instead of {peak}");
        power += heard * heard / 2.0;
    }
    let all = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / middle.len() as f64;
    assert!(power > 0.95 * all, "{name}: {:.1} % of it is tones", 100.0 * power / all);
}

const TWO: &[(f64, f64)] = &[(600.0, 4_096.0), (1_400.0, 4_096.0)];

#[test]
fn mp3_opus_and_vorbis_have_their_tones_at_their_level_and_their_length_to_the_sample() {
    for (name, tones) in [
        ("mono_44100.mp3", &[(1_000.0, 8_192.0)][..]),
        ("stereo_48000.mp3", TWO),
        ("mono_8000.mp3", &[(500.0, 8_192.0)]),
        ("silk.opus", &[(500.0, 8_192.0)]),
        ("celt_stereo.opus", TWO),
        ("hybrid.opus", &[(1_000.0, 8_192.0)]),
        ("stereo_44100.ogg", TWO),
    ] {
        let samples = decoded(&file(name)).unwrap();
        assert_eq!(samples.len(), 8_000, "{name}");
        assert_tones(name, &samples, tones);
    }
}

#[test]
fn opus_ends_within_a_packet_where_its_last_page_says() {
    assert_eq!(decoded(&file("short.opus")).unwrap().len(), 840);
}

#[test]
fn an_mp3_that_does_not_tell_its_length_is_played_to_its_end() {
    let samples = decoded(&file("untagged_22050.mp3")).unwrap();
    // With what the encoder put before and behind.
    assert!((8_000..8_000 + 1_200).contains(&samples.len()), "{}", samples.len());
    assert_tones("untagged_22050.mp3", &samples, &[(1_000.0, 8_192.0)]);
}

#[test]
fn files_put_behind_one_another_are_played_whole_even_at_other_rates() {
    let files = [file("mono_44100.mp3"), file("mono_8000.mp3")].concat();
    let samples = decoded(&files).unwrap();
    // Only the first one's ends can be told from sound.
    assert!((16_000..16_000 + 2_000).contains(&samples.len()), "{}", samples.len());
    assert_tones("the first MP3", &samples[..7_500], &[(1_000.0, 8_192.0)]);
    assert_tones("the second MP3", &samples[9_500..15_500], &[(500.0, 8_192.0)]);

    let files = [file("hybrid.opus"), file("stereo_44100.ogg"), file("silk.opus")].concat();
    let samples = decoded(&files).unwrap();
    assert_eq!(samples.len(), 24_000);
    assert_tones("the first of OGG", &samples[..8_000], &[(1_000.0, 8_192.0)]);
    assert_tones("the second of OGG", &samples[8_000..16_000], TWO);
    assert_tones("the third of OGG", &samples[16_000..], &[(500.0, 8_192.0)]);
}

#[test]
fn mp3_within_wav_is_played() {
    let mp3 = file("mono_44100.mp3");
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x1e\0\0\0\x55\0\x01\0\x44\xac\0\0\x70\x17\0\0\x01\0\0\0\x0c\0".to_vec();
    wav.extend([1, 0, 2, 0, 0, 0, 0x9c, 0, 1, 0, 0, 0]);
    wav.extend(b"data");
    wav.extend((mp3.len() as u32).to_le_bytes());
    wav.extend(mp3);
    wav.extend(b"LIST\x04\0\0\0INFO");
    let samples = decoded(&wav).unwrap();
    assert_eq!(samples.len(), 8_000);
    assert_tones("MP3 in WAV", &samples, &[(1_000.0, 8_192.0)]);
}

#[test]
fn the_gain_of_an_opus_file_is_applied() {
    let mut opus = file("hybrid.opus");
    let head = opus.windows(8).position(|eight| eight == b"OpusHead").unwrap();
    // -6.02 dB, with eight binary places.
    opus[head + 16..head + 18].copy_from_slice(&(-1_541i16).to_le_bytes());
    ogg::make_whole(&mut opus);
    assert_tones("quieter", &decoded(&opus).unwrap(), &[(1_000.0, 4_096.0)]);
}

#[test]
fn what_an_opus_file_does_not_want_to_be_heard_at_its_beginning_is_not_heard() {
    let mut opus = file("hybrid.opus");
    let head = opus.windows(8).position(|eight| eight == b"OpusHead").unwrap();
    let skip = u16::from_le_bytes([opus[head + 10], opus[head + 11]]);
    // A quarter of a second more.
    opus[head + 10..head + 12].copy_from_slice(&(skip + 12_000).to_le_bytes());
    ogg::make_whole(&mut opus);
    assert_eq!(decoded(&opus).unwrap().len(), 6_000);
}

#[test]
fn a_damaged_page_is_left_out_and_the_rest_is_played() {
    for (name, hertz) in [("hybrid.opus", 1_000.0), ("stereo_44100.ogg", 600.0)] {
        let mut octets = file(name);
        let pages = ogg::pages(&octets);
        assert!(pages.len() >= 6, "{name}: {} pages", pages.len());
        octets[pages[pages.len() - 3] + 60] ^= 1;
        let samples = decoded(&octets).unwrap();
        assert!((5_500..7_000).contains(&samples.len()), "{name}: {}", samples.len());
        for part in [&samples[800..3_200], &samples[samples.len() - 1_000..]] {
            assert!(goertzel(part, hertz) > 3_000.0, "{name}: {}", goertzel(part, hertz));
        }
    }
}

#[test]
fn a_file_that_breaks_off_gives_what_is_there() {
    for name in ["mono_44100.mp3", "stereo_48000.mp3", "mono_8000.mp3", "untagged_22050.mp3"] {
        let octets = file(name);
        let samples = decoded(&octets[..octets.len() / 2]).unwrap();
        assert!((2_500..5_500).contains(&samples.len()), "{name}: {}", samples.len());
    }
}

#[test]
fn what_is_not_understood_is_refused_in_words() {
    for (name, why) in [("surround.opus", "mono and stereo are"), ("flac.ogg", "there is FLAC in the OGG file")] {
        let reason = decoded(&file(name)).unwrap_err();
        assert!(reason.contains(why), "{name}: {reason}");
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_decoded_whole() {
    for name in ["mono_44100.mp3", "hybrid.opus", "stereo_44100.ogg"] {
        let mut octets = Vec::new();
        for _ in 0..4 {
            octets.extend(file(name));
        }
        let refused = decode_sound(Cursor::new(&octets), None, "file:a", 2);
        assert_eq!(refused.unwrap_err(), "it is longer than 2 s", "{name}");
        assert!(decode_sound(Cursor::new(&octets), None, "file:a", 6).is_ok(), "{name}");
    }
}

#[test]
fn a_picture_before_the_sound_is_passed_over() {
    // In the tag of an MP3, with what looks like frames; and among the comments of an Opus file, over many pages.
    let mp3 = file("mono_44100.mp3");
    let behind_tag = mp3.windows(2).position(|two| two == [0xff, 0xfb]).unwrap();
    let picture = mp3[behind_tag..].repeat(30);
    let length = picture.len();
    let mut tagged = b"ID3\x03\0\0".to_vec();
    tagged.extend([21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8));
    tagged.extend(picture);
    tagged.extend(&mp3[behind_tag..]);
    assert_eq!(decoded(&tagged).unwrap().len(), 8_000);

    let opus = ogg::with_comments(&file("hybrid.opus"), 3 << 20);
    assert!(opus.len() > 3 << 20);
    assert_eq!(decoded(&opus).unwrap().len(), 8_000);
}
