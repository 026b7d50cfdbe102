//! `play`: plays one or more files as one unit.

use super::about::{About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Plays one or more sounds as one. It does not answer the call: before the answer they are heard as early media. A sound that cannot be had is left out. An empty list plays nothing, and the flow goes on.\n\nWhat a sound is, is known by its content, whatever it is called: WAV (PCM of 8, 16, 24 or 32 bit, float, µ-law, A-law, MP3; also the extensible form), MP3, OGG with Opus (mono or stereo) or Vorbis. Sound without a header is known by the `Content-Type` that a server gives it (`audio/basic`, `audio/PCMU`, `audio/PCMA`, `audio/x-sln`), else by the suffix of its name: `.ulaw` (`.ul`), `.alaw` (`.al`), `.sln` (signed 16 bit, low octet first, 8 kHz), `.sln12` to `.sln192` (at that many kHz). Any sample rate is converted, and all channels are mixed into one. A sound may be an hour long, where a longer one breaks off, and one that is fetched as large as `media.fetch_mib`. A long one is heard as soon as its first seconds are decoded.\n\nWhat is not understood is left out, and its reason stands in the timeline: FLAC, AAC (also in MP4), GSM, G.722, G.729, AMR, AIFF, AU, Speex, WebM, WMA, WAV with ADPCM or GSM, Opus with more than two channels. `flowswitch check` hints at names that tell of such a sound.",
    waits: "The end of the last sound.",
    fails: "When nothing can be played the reason stands in the timeline, and the flow goes on with the next action; so it does when an option cannot be read.",
    options: &[
        Field::new("stream_urls", Type::Texts, "The sounds, in order: `http://`, `https://` or `file:` (a name in the folder `media.folder`).").required_unless("stream_url"),
        Field::new("stream_url", Type::Texts, "The older spelling, used when `stream_urls` is absent."),
        Field::new("digits_handle", Type::Text, "`next`: the first digit that is pressed while it sounds stops it, and the flow goes on. That digit also counts for a `digits_receive` behind it.").default("digits are stored, the sound goes on").allowed(Allowed::OfAnyCase(&["", "next"])),
    ],
    example: r#"[
  { "type": "answer" },
  { "type": "play", "option": { "stream_urls": ["file:welcome.wav", "https://example.com/menu.mp3"], "digits_handle": "next" } },
  { "type": "digits_receive", "option": { "length": 1 } }
]"#,
};

/// Options of `play`.
pub(super) struct Options<'a> {
    urls: Vec<&'a str>,
    stop_on_digit: bool,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        let urls = match option.texts("stream_urls")? {
            Some(urls) => urls,
            // The older spelling.
            None => option.texts("stream_url")?.unwrap_or_default(),
        };
        let urls = urls.into_iter().map(str::trim).filter(|url| !url.is_empty()).collect();
        let digits_handle = option.text("digits_handle")?.unwrap_or_default();
        Ok(Options { urls, stop_on_digit: digits_handle.eq_ignore_ascii_case("next") })
    }
}

/// Does not answer the call; an empty list goes on at once (spec/actions.md `play`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    if options.urls.is_empty() {
        return Ok(Outcome::Continue);
    }
    let urls = options.urls.into_iter().map(str::to_owned).collect();
    run.emit(Effect::Play { step: run.step, urls });
    Ok(Outcome::Wait(Wait::Playback { stop_on_digit: options.stop_on_digit }))
}
