//! Making one sound: the slow part, each on a thread of its own queue.

use std::io::{BufReader, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use base::SoundId;
use media_core::{Sound, SoundFeeder};
use speech::Cancel;

use super::cache::{Ready, Validity};
use super::decode::decode;
use super::fetch::Fetched;
use super::fold::Sink;
use super::kind::Clues;
use super::resample::RATE_HZ;
use super::source;
use crate::config::SoundConfig;

/// A sound that is longer is played while the rest of it is still being decoded, samples: 5 s. A shorter one is given whole, so that
/// whatever is wrong with it is known before it is heard.
const SHORT: usize = 5 * RATE_HZ as usize;

/// What is to be loaded.
pub(crate) enum Load {
    /// A file below the media folder.
    File {
        /// As it was asked for.
        url: String,
        /// Below the folder.
        path: PathBuf,
    },
    /// Something that was fetched.
    Fetched {
        /// As it was asked for.
        url: String,
        /// What we have of it, if it is stale.
        stale: Option<(Ready, Validity)>,
        /// What the server answered, or why there is nothing of it.
        answer: Box<Result<Fetched, String>>,
    },
}

/// What came of it.
pub(crate) enum Loaded {
    /// A new sound.
    Sound(Sound, Validity),
    /// A new sound of which the beginning was given before; it is whole now.
    Grown(SoundId),
    /// What we had is still right.
    StillRight(Ready, Validity),
    /// There is none, or it broke off.
    Failed(Failure),
}

/// Why there is no sound, or no more of it.
pub(crate) struct Failure {
    pub(crate) why: String,
    /// The sound, if its beginning was given.
    pub(crate) begun: Option<SoundId>,
    /// The decoder panicked, which is a bug.
    pub(crate) panicked: bool,
}

/// Takes up a sound that has its beginning, and what more of it there is from time to time.
pub(crate) trait Growth {
    /// It will grow.
    ///
    /// # Errors
    /// In words, when there is no room for it.
    fn began(&self, sound: Sound, validity: Validity) -> Result<Ready, String>;
    /// It has become longer.
    fn grew(&self, sound: SoundId);
}

impl Load {
    pub(crate) fn url(&self) -> &str {
        match self {
            Load::File { url, .. } | Load::Fetched { url, .. } => url,
        }
    }

    /// Loads. Bytes of strangers go through decoders that others wrote, so a panic ends this sound only.
    pub(crate) fn run(self, config: &SoundConfig, cancel: &Cancel, growth: &dyn Growth) -> Loaded {
        let mut making = Making { cancel, growth, validity: Validity::Always, beginning: Vec::new(), growing: None };
        let loaded = catch_unwind(AssertUnwindSafe(|| match self {
            Load::File { url, path } => from_file(config, &url, &path, &mut making).map(|()| None),
            Load::Fetched { url, stale, answer } => fetched(config, &url, stale, (*answer)?, &mut making),
        }));
        let begun = making.growing.as_ref().map(|(id, _)| *id);
        match loaded {
            Ok(Ok(Some((ready, validity)))) => Loaded::StillRight(ready, validity),
            Ok(Ok(None)) => making.finish(),
            // A feeder that is dropped unfinished says that the sound broke off.
            Ok(Err(why)) => Loaded::Failed(Failure { why, begun, panicked: false }),
            Err(_) => Loaded::Failed(Failure { why: "it cannot be decoded".into(), begun, panicked: true }),
        }
    }
}

fn from_file(config: &SoundConfig, url: &str, path: &std::path::Path, making: &mut Making<'_>) -> Result<(), String> {
    let opened = source::open(config.folder.as_deref(), path)?;
    making.validity = Validity::File { modified: opened.modified, length: opened.length };
    let clues = Clues { content_type: None, url };
    let mut take = |piece| making.take(piece);
    let file = BufReader::with_capacity(64 << 10, opened.file);
    decode(file, clues, Sink::new(config.longest_s, &mut take))
}

/// What we had, if it is still right.
fn fetched(
    config: &SoundConfig,
    url: &str,
    stale: Option<(Ready, Validity)>,
    answer: Fetched,
    making: &mut Making<'_>,
) -> Result<Option<(Ready, Validity)>, String> {
    match (answer, stale) {
        (Fetched::NotModified(validity), Some((ready, _))) => Ok(Some((ready, validity))),
        (Fetched::NotModified(_), None) => Err("the server answered 304 although nothing was known".into()),
        (Fetched::Body { body, held: _held, content_type, validity }, _) => {
            making.validity = validity;
            let clues = Clues { content_type: content_type.as_deref(), url };
            let mut take = |piece| making.take(piece);
            decode(Cursor::new(body), clues, Sink::new(config.longest_s, &mut take))?;
            Ok(None)
        }
    }
}

/// A sound on its way from its decoder to those who wait for it.
struct Making<'a> {
    cancel: &'a Cancel,
    growth: &'a dyn Growth,
    validity: Validity,
    /// What was not given yet.
    beginning: Vec<i16>,
    growing: Option<(SoundId, SoundFeeder)>,
}

impl Making<'_> {
    fn take(&mut self, piece: Vec<i16>) -> Result<(), String> {
        if self.cancel.is_cancelled() {
            return Err("the media engine ends".into());
        }
        if let Some((id, feeder)) = &mut self.growing {
            if !feeder.push(&piece) {
                return Err("it has too many parts".into());
            }
            self.growth.grew(*id);
            return Ok(());
        }
        self.beginning.extend(piece);
        if self.beginning.len() > SHORT {
            let (sound, mut feeder) = Sound::growing();
            feeder.push(&std::mem::take(&mut self.beginning));
            let ready = self.growth.began(sound, self.validity.clone())?;
            self.growing = Some((ready.id, feeder));
        }
        Ok(())
    }

    fn finish(self) -> Loaded {
        match self.growing {
            Some((id, feeder)) => {
                feeder.finish();
                Loaded::Grown(id)
            }
            None => Loaded::Sound(Sound::from_samples(&self.beginning), self.validity),
        }
    }
}
