//! What a file is: by its content; if that says nothing, by the Content-Type it came with; then by the suffix of its name.

use std::fmt::Write;

use media_core::Codec;

use super::mpeg;
use super::raw::Raw;

/// So many octets of the beginning are looked at: two frames of MP3 fit.
pub(crate) const LOOKED_AT: usize = 4 << 10;

/// For reasons: what would have been understood.
const UNDERSTOOD: &str =
    "WAV, MP3 and OGG with Opus or Vorbis are understood, and raw µ-law, A-law and sln by Content-Type or suffix";

/// What is known of a file besides its content.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clues<'a> {
    /// As the server gave it.
    pub(crate) content_type: Option<&'a str>,
    /// As it was asked for: its suffix tells.
    pub(crate) url: &'a str,
}

/// What reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Wav,
    Mp3,
    Ogg,
    Raw(Raw),
}

impl Kind {
    /// What the file with this beginning is; `whole`: there is no more of it.
    ///
    /// # Errors
    /// In words: it is of a kind that is not understood, or nothing says what it is.
    pub(crate) fn of(beginning: &[u8], whole: bool, clues: Clues<'_>) -> Result<Kind, String> {
        if let Some(kind) = by_content(beginning, whole)? {
            return Ok(kind);
        }
        if let Some(kind) = clues.content_type.map_or(Ok(None), by_content_type)? {
            return Ok(kind);
        }
        match by_suffix(clues.url) {
            Some(kind) => Ok(kind),
            None if beginning.is_empty() => Err("it is empty".into()),
            None => {
                Err(format!("it is no sound that is understood ({}): {UNDERSTOOD}", what_is_known(beginning, clues)))
            }
        }
    }
}

/// Raw sound has no mark of its own; whatever has another mark is not that, whatever its name says.
fn by_content(beginning: &[u8], whole: bool) -> Result<Option<Kind>, String> {
    let at = |place: usize, mark: &[u8]| beginning.get(place..).is_some_and(|rest| rest.starts_with(mark));
    if at(0, b"RIFF") && at(8, b"WAVE") {
        return Ok(Some(Kind::Wav));
    }
    if at(0, b"OggS") {
        return Ok(Some(Kind::Ogg));
    }
    if at(0, b"ID3") || mpeg::begins(beginning, whole) {
        return Ok(Some(Kind::Mp3));
    }
    let text = beginning.trim_ascii_start();
    let page = |mark: &[u8]| text.len() >= mark.len() && text[..mark.len()].eq_ignore_ascii_case(mark);
    let other = if page(b"<!doctype") || page(b"<html") || page(b"<?xml") {
        "a page of HTML or XML"
    } else if at(0, b"RF64") || at(0, b"RIFX") || at(0, b"BW64") {
        "another form of WAV (RF64, BW64 or RIFX)"
    } else if at(0, b"fLaC") {
        "FLAC"
    } else if at(4, b"ftyp") {
        "MP4 (M4A, AAC)"
    } else if is_adts(beginning) {
        "AAC"
    } else if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        "AIFF"
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        "WebM or Matroska"
    } else if at(0, b".snd") {
        "AU"
    } else if at(0, b"#!AMR") {
        "AMR"
    } else {
        return Ok(None);
    };
    Err(format!("it is {other}: {UNDERSTOOD}"))
}

/// AAC without a container (ISO 13818-7 §6.2): a frame with another one behind it. Raw µ-law may begin so by chance, but does not go on so.
fn is_adts(beginning: &[u8]) -> bool {
    let length = |octets: &[u8]| match *octets {
        [0xff, second, _, a, b, c, _, ..] if second & 0xf6 == 0xf0 => {
            Some(usize::from(a & 3) << 11 | usize::from(b) << 3 | usize::from(c >> 5))
        }
        _ => None,
    };
    let next = length(beginning).filter(|length| *length >= 7).and_then(|length| beginning.get(length..));
    next.is_some_and(|next| length(next).is_some())
}

/// The media types that servers give such files; those that say nothing, like application/octet-stream, are passed over.
fn by_content_type(content_type: &str) -> Result<Option<Kind>, String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(Some(match essence.as_str() {
        "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" | "audio/x-pn-wav" => Kind::Wav,
        "audio/mpeg" | "audio/mp3" | "audio/x-mp3" | "audio/mpeg3" | "audio/x-mpeg" => Kind::Mp3,
        "audio/ogg" | "application/ogg" | "audio/x-ogg" | "audio/opus" | "audio/vorbis" => Kind::Ogg,
        // RFC 2046 §4.3, RFC 4856.
        "audio/basic" | "audio/pcmu" | "audio/ulaw" | "audio/x-ulaw" | "audio/mulaw" | "audio/x-mulaw" => ULAW,
        "audio/pcma" | "audio/alaw" | "audio/x-alaw" => ALAW,
        "audio/sln" | "audio/x-sln" | "audio/slin" => Kind::Raw(Raw::Linear(8_000)),
        "text/html" | "application/xhtml+xml" | "application/json" | "application/xml" | "text/xml" => {
            return Err(format!("the server calls it {essence}: {UNDERSTOOD}"));
        }
        _ => return Ok(None),
    }))
}

const ULAW: Kind = Kind::Raw(Raw::Companded(Codec::Pcmu));
const ALAW: Kind = Kind::Raw(Raw::Companded(Codec::Pcma));

/// Suffixes of raw sound as Asterisk has them. `.raw` and `.pcm` are left out: different programs mean different things.
fn by_suffix(url: &str) -> Option<Kind> {
    let suffix = suffix(url)?.to_ascii_lowercase();
    Some(match suffix.as_str() {
        "wav" | "wave" => Kind::Wav,
        "mp3" => Kind::Mp3,
        "ogg" | "oga" | "opus" => Kind::Ogg,
        "ulaw" | "ul" | "ulw" | "mulaw" | "pcmu" => ULAW,
        "alaw" | "al" | "alw" | "pcma" => ALAW,
        "sln" | "slin" => Kind::Raw(Raw::Linear(8_000)),
        kilohertz => {
            let rate_hz = match kilohertz.strip_prefix("sln").or(kilohertz.strip_prefix("slin"))? {
                "44" => 44_100,
                number @ ("8" | "12" | "16" | "24" | "32" | "48" | "96" | "192") => {
                    1_000 * number.parse::<u32>().ok()?
                }
                _ => return None,
            };
            Kind::Raw(Raw::Linear(rate_hz))
        }
    })
}

/// Of the last part of the path; query and fragment do not count.
fn suffix(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit(['/', ':']).next()?;
    name.rsplit_once('.').map(|(_, suffix)| suffix).filter(|suffix| !suffix.is_empty())
}

/// For people: the beginning, Content-Type and suffix.
fn what_is_known(beginning: &[u8], clues: Clues<'_>) -> String {
    let mut words = "it begins with".to_owned();
    for octet in beginning.iter().take(4) {
        let _ = write!(words, " {octet:02x}");
    }
    match clues.content_type {
        Some(content_type) => {
            let shown: String = content_type.chars().take(60).collect();
            let _ = write!(words, ", its Content-Type is {shown}");
        }
        None => words.push_str(", it has no Content-Type"),
    }
    match suffix(clues.url) {
        Some(suffix) => {
            let shown: String = suffix.chars().take(20).collect();
            let _ = write!(words, ", its suffix is .{shown}");
        }
        None => words.push_str(", its name has no suffix"),
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAV: &[u8] = b"RIFF\0\0\0\0WAVEfmt ";
    const OGG: &[u8] = b"OggS\0\x02";
    const TAGGED: &[u8] = b"ID3\x04\0\0\0\0\0\0";
    /// Silence of µ-law.
    const UNMARKED: &[u8] = &[0xff; 64];

    fn kind(beginning: &[u8], content_type: Option<&str>, url: &str) -> Result<Kind, String> {
        Kind::of(beginning, true, Clues { content_type, url })
    }

    #[test]
    fn content_counts_more_than_a_lying_header_and_suffix() {
        for (beginning, expected) in [(WAV, Kind::Wav), (OGG, Kind::Ogg), (TAGGED, Kind::Mp3)] {
            for (content_type, url) in [
                (Some("audio/basic"), "http://host/a.ulaw"),
                (Some("text/html"), "http://host/a"),
                (None, "file:a.mp3"),
                (None, "file:a.sln"),
            ] {
                assert_eq!(kind(beginning, content_type, url), Ok(expected), "{content_type:?} {url}");
            }
        }
    }

    #[test]
    fn the_header_counts_more_than_the_suffix() {
        for (content_type, expected) in [
            ("audio/PCMA", ALAW),
            ("audio/basic; charset=binary", ULAW),
            ("audio/mpeg", Kind::Mp3),
            ("audio/x-wav", Kind::Wav),
            ("audio/opus", Kind::Ogg),
            ("audio/x-sln", Kind::Raw(Raw::Linear(8_000))),
        ] {
            assert_eq!(kind(UNMARKED, Some(content_type), "http://host/a.ulaw"), Ok(expected), "{content_type}");
        }
    }

    #[test]
    fn a_header_that_says_nothing_leaves_it_to_the_suffix() {
        for content_type in [None, Some("application/octet-stream"), Some("text/plain"), Some("")] {
            assert_eq!(
                kind(UNMARKED, content_type, "http://host/a.alaw?version=1.2#x.wav"),
                Ok(ALAW),
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn raw_sound_is_known_by_the_suffixes_that_mean_one_thing_only() {
        let linear = |rate_hz| Some(Kind::Raw(Raw::Linear(rate_hz)));
        for (url, expected) in [
            ("file:a.ulaw", Some(ULAW)),
            ("file:a.UL", Some(ULAW)),
            ("file:sub.d/a.al", Some(ALAW)),
            ("file:a.sln", linear(8_000)),
            ("file:a.sln16", linear(16_000)),
            ("file:a.slin44", linear(44_100)),
            ("file:a.sln192", linear(192_000)),
            ("file:a.sln17", None),
            ("file:a.raw", None),
            ("file:a.pcm", None),
            ("file:a", None),
            ("file:sub.ulaw/a", None),
        ] {
            assert_eq!(by_suffix(url), expected, "{url}");
        }
    }

    #[test]
    fn loud_raw_sound_is_not_taken_for_aac() {
        for beginning in
            [&[0xff, 0xf1, 0x50, 0x80, 0x01, 0x1f, 0xfc, 0xde, 0x80, 0x80][..], &[0xff; 40], b"\xff\xf1\0\0\0\0\0\0"]
        {
            assert_eq!(kind(beginning, None, "file:a.ulaw"), Ok(ULAW));
        }
    }

    #[test]
    fn what_is_of_another_kind_is_named_whatever_it_is_called() {
        for (beginning, named) in [
            (&b"fLaC\0\0"[..], "FLAC"),
            (b"\0\0\0\x20ftypM4A ", "MP4"),
            (b"FORM\0\0\0\0AIFF", "AIFF"),
            (b"RF64\xff\xff\xff\xffWAVE", "RF64"),
            (b"\x1a\x45\xdf\xa3", "WebM"),
            (b"  \n<!DOCTYPE html><html>", "HTML"),
            (b"<HTML>not found", "HTML"),
            (b"#!AMR\n", "AMR"),
            (b"\xff\xf1\x50\x80\x01\x1f\xfc\xde\xff\xf1\x50\x80\x01\x1f\xfc", "AAC"),
        ] {
            let why = kind(beginning, Some("audio/wav"), "file:a.ulaw").unwrap_err();
            assert!(why.contains(named) && why.contains("WAV, MP3 and OGG"), "{why}");
        }
    }

    #[test]
    fn what_nothing_is_known_of_is_refused_with_what_was_seen() {
        let why = kind(b"\x01\x02\x03\x04\x05", Some("audio/x-unheard-of"), "http://host/a.xyz").unwrap_err();
        for part in ["01 02 03 04", "audio/x-unheard-of", ".xyz", "WAV, MP3"] {
            assert!(why.contains(part), "{part} is not in: {why}");
        }
        assert_eq!(kind(b"", None, "http://host/a").unwrap_err(), "it is empty");
        assert!(kind(b"{}", Some("application/json"), "http://host/a.ulaw").unwrap_err().contains("application/json"));
    }
}
