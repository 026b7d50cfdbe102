//! OGG files taken apart and put together again, with an own reading of RFC 3533.
#![allow(dead_code)] // each test file uses a part of it

/// Where pages begin.
pub(crate) fn pages(file: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(length) = page_octets(&file[at..]) {
        places.push(at);
        at += length;
    }
    places
}

fn page_octets(page: &[u8]) -> Option<usize> {
    if !page.starts_with(b"OggS") || page.len() < 27 {
        return None;
    }
    let segments = page.get(27..27 + usize::from(page[26]))?;
    let length = 27 + segments.len() + segments.iter().map(|length| usize::from(*length)).sum::<usize>();
    (length <= page.len()).then_some(length)
}

/// Gives every page the check sum that fits it.
pub(crate) fn make_whole(file: &mut [u8]) {
    for at in pages(file) {
        let page = &mut file[at..];
        let length = page_octets(page).unwrap();
        page[22..26].fill(0);
        let sum = check_sum(&page[..length]);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Bit by bit, as RFC 3533 §6 has it.
fn check_sum(octets: &[u8]) -> u32 {
    let mut sum = 0u32;
    for octet in octets {
        sum ^= u32::from(*octet) << 24;
        for _ in 0..8 {
            sum = if sum >> 31 == 1 { (sum << 1) ^ 0x04c1_1db7 } else { sum << 1 };
        }
    }
    sum
}

/// The same Opus file with comments of so many octets.
pub(crate) fn with_comments(file: &[u8], octets: usize) -> Vec<u8> {
    let places = pages(file);
    let (head, sound) = (&file[..places[1]], &file[places[2]..]);
    let stream = &head[14..18];
    let mut comments = b"OpusTags".to_vec();
    comments.resize(octets, b'x');
    let mut out = head.to_vec();
    let mut number = 1u32;
    let mut rest = &comments[..];
    let mut continued = 0;
    loop {
        // Full segments as long as the packet goes on.
        let piece = rest.len().min(255 * 255);
        let is_end = piece < 255 * 255;
        let mut segments = vec![255; piece / 255];
        if is_end {
            segments.push((piece % 255) as u8);
        }
        out.extend(b"OggS\0");
        out.push(continued);
        out.extend(if is_end { 0u64 } else { u64::MAX }.to_le_bytes());
        out.extend(stream);
        out.extend(number.to_le_bytes());
        out.extend([0; 4]);
        out.push(segments.len() as u8);
        out.extend(&segments);
        out.extend(&rest[..piece]);
        (rest, continued) = (&rest[piece..], 1);
        number += 1;
        if is_end {
            break;
        }
    }
    // The pages of sound follow in number.
    let begins = out.len();
    out.extend(sound);
    for at in pages(&out[begins..]) {
        out[begins + at + 18..begins + at + 22].copy_from_slice(&number.to_le_bytes());
        number += 1;
    }
    make_whole(&mut out);
    out
}
