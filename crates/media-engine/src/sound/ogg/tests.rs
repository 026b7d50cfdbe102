//! Pages and streams; the sound of whole files is measured in `tests/sound_kinds.rs`.

use std::io::{Cursor, Read};

use super::page::{Pages, check_sum};
use super::*;
use crate::sound::fold::collected;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

fn page(flags: u8, position: u64, stream: u32, number: u32, lengths: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(position.to_le_bytes());
    page.extend(stream.to_le_bytes());
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(lengths.len() as u8);
    page.extend(lengths);
    page.extend(body);
    let sum = check_sum(0, &page);
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// Numbers of the pages that are found.
fn numbers(file: &[u8]) -> Vec<u32> {
    let mut pages = Pages::new(file);
    let mut numbers = Vec::new();
    while let Some(page) = pages.next().unwrap() {
        numbers.push(page.number());
    }
    numbers
}

/// A mono stream without anything to skip.
fn opus_head(stream: u32) -> Vec<u8> {
    let head = b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0";
    page(FIRST, 0, stream, 0, &[19], head)
}

/// 20 ms of CELT in mono without any content: RFC 6716 §3.1, configuration 31.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// A page of so many packets of 20 ms.
fn silence(flags: u8, position: u64, stream: u32, number: u32, packets: usize) -> Vec<u8> {
    page(flags, position, stream, number, &vec![3; packets], &SILENCE.repeat(packets))
}

fn samples(pages: &[Vec<u8>]) -> Result<usize, String> {
    collected(60, |sink| decode(Cursor::new(pages.concat()), sink)).map(|samples| samples.len())
}

#[test]
fn the_check_sum_is_that_of_ogg() {
    // The known value of CRC-32/CKSUM, which differs by its last inversion only.
    assert_eq!(!check_sum(0, b"123456789"), 0x765e_7680);
}

#[test]
fn pages_are_found_behind_junk_and_damaged_ones_are_passed_over() {
    let one = |number| page(0, 0, 7, number, &[3], b"abc");
    let mut damaged = one(2);
    damaged[28] ^= 1;
    let file = [b"junk OggS and OggOggS".to_vec(), one(1), damaged, b"Ogg".to_vec(), one(3)].concat();
    assert_eq!(numbers(&file), [1, 3]);
    for length in 0..file.len() {
        assert!(numbers(&file[..length]).len() < 2, "{length}");
    }
}

#[test]
fn a_file_of_nothing_but_damaged_pages_ends_soon() {
    let mut large = page(0, 0, 7, 1, &[255; 255], &[b'x'; 255 * 255]);
    // In it, more beginnings that promise as much.
    for at in (282..60_000).step_by(300) {
        large[at..at + 5].copy_from_slice(b"OggS\0");
        large[at + 26] = 255;
    }
    large.extend(page(0, 0, 7, 2, &[3], b"abc"));
    let file = large.repeat(20);
    assert!(numbers(&file).len() <= 20);
}

#[test]
fn pages_come_the_same_however_the_file_is_read() {
    /// Few octets at a time.
    struct Slowly<'a>(&'a [u8]);
    impl Read for Slowly<'_> {
        fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(block.len()).min(7);
            block[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }
    let file: Vec<u8> = (0..100).flat_map(|n| page(0, 0, 7, n, &[255, 255, 9], &[n as u8; 519])).collect();
    let mut pages = Pages::new(Slowly(&file));
    for number in 0..100 {
        let page = pages.next().unwrap().unwrap();
        let pieces: Vec<_> = page.pieces().map(|(piece, is_end)| (piece.len(), is_end)).collect();
        assert_eq!((page.number(), pieces), (number, vec![(519, true)]));
    }
    assert!(pages.next().unwrap().is_none());
}

#[test]
fn packets_end_where_a_segment_is_not_full() {
    let file = page(CONTINUED | LAST, u64::MAX, 7, 1, &[255, 1, 0, 255, 0, 255], &[1; 766]);
    let mut pages = Pages::new(&file[..]);
    let page = pages.next().unwrap().unwrap();
    let pieces: Vec<_> = page.pieces().map(|(piece, is_end)| (piece.len(), is_end)).collect();
    assert_eq!(pieces, [(256, true), (0, true), (255, true), (255, false)]);
    assert!(page.is_continued() && page.is_last() && !page.is_first());
    assert_eq!(page.position(), None);
}

#[test]
fn the_last_page_says_how_long_the_sound_is() {
    // 1000 ms, of which 950 count.
    let file = [opus_head(1), silence(0, 24_000, 1, 1, 25), silence(LAST, 45_600, 1, 2, 25)];
    assert_eq!(samples(&file), Ok(7_600));
    // Only one page, of 500 ms.
    assert_eq!(samples(&[opus_head(1), silence(LAST, 4_800, 1, 1, 25)]), Ok(800));
    // Cut out of a broadcast that began an hour ago.
    let hour = 3_600 * 48_000;
    let file = [opus_head(1), silence(0, hour + 24_000, 1, 1, 25), silence(LAST, hour + 45_600, 1, 2, 25)];
    assert_eq!(samples(&file), Ok(7_600));
    // Without a last page all of it counts.
    assert_eq!(samples(&[opus_head(1), silence(0, 24_000, 1, 1, 25)]), Ok(4_000));
}

#[test]
fn of_streams_side_by_side_one_is_played_and_of_streams_in_a_row_all() {
    let side_by_side = [
        opus_head(1),
        opus_head(2),
        silence(0, 24_000, 1, 1, 25),
        silence(0, 24_000, 2, 1, 25),
        silence(LAST, 48_000, 2, 2, 25),
        silence(LAST, 48_000, 1, 2, 25),
    ];
    assert_eq!(samples(&side_by_side), Ok(8_000));
    let in_a_row = [opus_head(1), silence(LAST, 24_000, 1, 1, 25), opus_head(1), silence(LAST, 24_000, 1, 1, 25)];
    assert_eq!(samples(&in_a_row), Ok(8_000));
    let film = page(FIRST, 0, 9, 0, &[8], b"\x80theora ");
    assert_eq!(samples(&[film.clone(), opus_head(1), silence(LAST, 24_000, 1, 1, 25)]), Ok(4_000));
    assert!(samples(&[film]).unwrap_err().contains("Theora"));
}

#[test]
fn streams_without_end_are_refused() {
    let file: Vec<Vec<u8>> = (0..100).flat_map(|n| [opus_head(n), silence(LAST, 960, n, 1, 1)]).collect();
    assert!(samples(&file).unwrap_err().contains("more than 64 streams"));
}

#[test]
fn a_packet_over_several_pages_is_put_together_and_one_that_lost_a_part_is_left_out() {
    // The comments take three pages; without the second of them the third is a rest of nothing.
    let comments = [&b"OpusTags"[..], &[b'x'; 600]].concat();
    let whole = [
        opus_head(1),
        page(0, u64::MAX, 1, 1, &[255], &comments[..255]),
        page(CONTINUED, u64::MAX, 1, 2, &[255], &comments[255..510]),
        page(CONTINUED, 0, 1, 3, &[98], &comments[510..]),
        silence(LAST, 24_000, 1, 4, 25),
    ];
    assert_eq!(samples(&whole), Ok(4_000));
    let mut without = whole.to_vec();
    without.remove(2);
    assert_eq!(samples(&without), Ok(4_000));
}

#[test]
fn what_is_no_ogg_is_refused_in_words() {
    assert!(samples(&[b"OggS and nothing behind".to_vec()]).unwrap_err().contains("no page of it is whole"));
    assert_eq!(samples(&[opus_head(1)]), Ok(0), "whoever asked says that there is no sound");
}
