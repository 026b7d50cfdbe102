//! The sounds that actions name, and what their names tell of whether they can be played. Only hints: what counts is a file's content.

use model::Action;

use super::problem::{self, Verdict};
use crate::action::option::OptionReader;
use crate::action::{self, Kind, Known};

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
    let Some((key, urls)) = urls(action) else { return };
    for url in urls {
        if let Some(what) = not_understood(url) {
            let what = format!("\"{}\" is called like {what}, which is left out", problem::shown(url));
            verdict.hint(format!("{path}.option.{key}"), what, UNDERSTOOD);
        }
    }
}

/// The sounds of a `play`, and the key that they stand below.
fn urls(action: &Action) -> Option<(&'static str, Vec<&str>)> {
    let reader = OptionReader::verifying(action.option.as_ref()).ok()?;
    ["stream_urls", "stream_url"].into_iter().find_map(|key| reader.texts(key).ok().flatten().map(|urls| (key, urls)))
}

/// The addresses of sounds that `play` actions of an array name, each with its place, such as
/// `actions[2].option.stream_urls`. What has a variable in it is known only when the flow runs, and left out.
pub fn named_sounds(actions: &[Action]) -> Vec<(String, &str)> {
    let plays = of_kind(actions, Kind::Play).filter_map(|(path, action)| Some((path, urls(action)?)));
    let named = plays
        .flat_map(|(path, (key, urls))| urls.into_iter().map(move |url| (format!("{path}.option.{key}"), url.trim())));
    named.filter(|(_, url)| !url.contains("${")).collect()
}

/// The texts that `talk` actions of an array speak, each with its place, such as `actions[0].option.text`: they may name sounds, too.
pub fn spoken_texts(actions: &[Action]) -> Vec<(String, &str)> {
    let talks = of_kind(actions, Kind::Talk);
    let text = |action| OptionReader::verifying(action).ok()?.text("text").ok()?;
    talks.filter_map(|(path, action)| Some((format!("{path}.option.text"), text(action.option.as_ref())?))).collect()
}

fn of_kind(actions: &[Action], wanted: Kind) -> impl Iterator<Item = (String, &Action)> {
    let is_wanted =
        move |action: &Action| matches!(action::known(&action.kind), Known::Supported(kind) if kind == wanted);
    let all = actions.iter().enumerate().filter(move |(_, action)| is_wanted(action));
    all.map(|(at, action)| (format!("actions[{at}]"), action))
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
    fn the_sounds_and_texts_of_a_flow_are_found_with_their_places() {
        let actions = serde_json::json!([
            {"type": "answer"},
            {"type": "play", "option": {"stream_urls": [" file:a.wav", "file:${b}.wav"], "stream_url": "file:c.wav"}},
            {"type": "play", "option": {"stream_url": "file:d.wav"}},
            {"type": "play", "option": {"stream_urls": [7]}},
            {"type": "talk", "option": {"text": "hello"}},
            {"type": "dance", "option": {"text": "no", "stream_url": "file:e.wav"}},
        ]);
        let actions = crate::read_actions(actions, &mut base::Random::from_seed([3; 32])).unwrap();
        let at = |sounds: Vec<(String, &str)>| sounds.iter().map(|(at, url)| format!("{at} {url}")).collect::<Vec<_>>();
        assert_eq!(
            at(named_sounds(&actions)),
            ["actions[1].option.stream_urls file:a.wav", "actions[2].option.stream_url file:d.wav"]
        );
        assert_eq!(at(spoken_texts(&actions)), ["actions[4].option.text hello"]);
    }

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
