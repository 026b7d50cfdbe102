//! `play`: plays one or more files as one unit.

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["stream_urls", "stream_url", "digits_handle"];

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
