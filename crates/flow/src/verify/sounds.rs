//! What the names of sounds tell of whether they can be played. Only hints: what counts is a file's content.

use model::Action;

use super::problem::{self, Verdict};
use crate::action::Kind;
use crate::action::option::OptionReader;

/// Suffixes of sound that is not understood, with what would be the reason.
const NOT_UNDERSTOOD: [(&str, &str); 17] = [
    ("aac", "AAC"),
    ("aif", "AIFF"),
    ("aiff", "AIFF"),
    ("amr", "AMR"),
    ("au", "AU"),
    ("flac", "FLAC"),
    ("g722", "G.722"),
    ("g729", "G.729"),
    ("gsm", "GSM"),
    ("m4a", "MP4"),
    ("mp4", "MP4"),
    ("mp2", "MPEG layer II"),
    ("pcm", "raw sound of which it is not known how it is coded"),
    ("raw", "raw sound of which it is not known how it is coded"),
    ("spx", "Speex"),
    ("webm", "WebM"),
    ("wma", "WMA"),
];

/// What is understood, in the words of the page of `play`.
const UNDERSTOOD: &str = "WAV, MP3, OGG with Opus or Vorbis, or raw .ulaw, .alaw or .sln";

/// Tells of sounds of `play` whose suffix names what cannot be played.
pub(super) fn check(verdict: &mut Verdict, path: &str, kind: Kind, action: &Action) {
    if kind != Kind::Play {
        return;
    }
    let Ok(reader) = OptionReader::verifying(action.option.as_ref()) else { return };
    let Some((key, urls)) = ["stream_urls", "stream_url"]
        .into_iter()
        .find_map(|key| reader.texts(key).ok().flatten().map(|urls| (key, urls)))
    else {
        return;
    };
    for url in urls {
        if let Some(what) = not_understood(url) {
            let what = format!("\"{}\" is called like {what}, which is left out", problem::shown(url));
            verdict.hint(format!("{path}.option.{key}"), what, UNDERSTOOD);
        }
    }
}

/// A variable in it may bring another suffix.
fn not_understood(url: &str) -> Option<&'static str> {
    let path = url.trim().split(['?', '#']).next().filter(|_| !url.contains("${"))?;
    let (_, suffix) = path.rsplit(['/', ':']).next()?.rsplit_once('.')?;
    NOT_UNDERSTOOD.iter().find(|(name, _)| name.eq_ignore_ascii_case(suffix)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_what_is_not_understood_are_known_and_others_are_not_judged() {
        for (url, expected) in [
            ("https://host/a.FLAC", Some("FLAC")),
            ("https://host/a.m4a?b.mp3#c.wav", Some("MP4")),
            (" file:sub.dir/a.gsm ", Some("GSM")),
            ("file:a.raw", Some("raw sound of which it is not known how it is coded")),
            ("file:a.mp3", None),
            ("file:a.opus", None),
            ("file:a.sln16", None),
            ("https://host.au/a", None),
            ("https://host/a", None),
            ("https://host/${name}.flac", None),
            ("", None),
        ] {
            assert_eq!(not_understood(url), expected, "{url}");
        }
    }
}
