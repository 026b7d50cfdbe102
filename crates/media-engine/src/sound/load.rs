//! Making one sound: the slow part, each on a thread of its own queue.

use std::io::{BufReader, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use media_core::Sound;

use super::cache::{Ready, Validity};
use super::decode::decode;
use super::fetch::{Fetched, Fetcher};
use super::kind::Clues;
use super::source;
use crate::config::SoundConfig;

/// What is to be loaded.
#[derive(Debug)]
pub(crate) enum Load {
    /// A file below the media folder.
    File {
        /// As it was asked for.
        url: String,
        /// Below the folder.
        path: PathBuf,
    },
    /// Something to fetch.
    Fetch {
        /// As it was asked for.
        url: String,
        /// What we have of it, if it is stale.
        stale: Option<(Ready, Validity)>,
    },
}

/// What came of it.
pub(crate) enum Loaded {
    /// A new sound.
    Sound(Sound, Validity),
    /// What we had is still right.
    StillRight(Ready, Validity),
    /// Why there is none.
    Failed(String),
    /// The decoder panicked: as `Failed`, and a bug.
    Panicked,
}

impl Load {
    pub(crate) fn url(&self) -> &str {
        match self {
            Load::File { url, .. } | Load::Fetch { url, .. } => url,
        }
    }

    /// Loads. Bytes of strangers go through decoders that others wrote, so a panic ends this sound only.
    pub(crate) fn run(&self, config: &SoundConfig, fetcher: &Fetcher, now_ns: u64) -> Loaded {
        let loaded = catch_unwind(AssertUnwindSafe(|| match self {
            Load::File { url, path } => from_file(config, url, path),
            Load::Fetch { url, stale } => fetched(config, fetcher, url, stale.as_ref(), now_ns),
        }));
        match loaded {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(why)) => Loaded::Failed(why),
            Err(_) => Loaded::Panicked,
        }
    }
}

fn from_file(config: &SoundConfig, url: &str, path: &std::path::Path) -> Result<Loaded, String> {
    let opened = source::open(config.folder.as_deref(), path)?;
    let clues = Clues { content_type: None, url };
    let samples = decode(BufReader::with_capacity(64 << 10, opened.file), clues, config.longest_s)?;
    let validity = Validity::File { modified: opened.modified, length: opened.length };
    Ok(Loaded::Sound(Sound::from_samples(&samples), validity))
}

fn fetched(
    config: &SoundConfig,
    fetcher: &Fetcher,
    url: &str,
    stale: Option<&(Ready, Validity)>,
    now_ns: u64,
) -> Result<Loaded, String> {
    match (fetcher.fetch(url, stale.map(|(_, validity)| validity), now_ns)?, stale) {
        (Fetched::NotModified(validity), Some((ready, _))) => Ok(Loaded::StillRight(ready.clone(), validity)),
        (Fetched::NotModified(_), None) => Err("the server answered 304 although nothing was known".into()),
        (Fetched::Body { body, content_type, validity }, _) => {
            let clues = Clues { content_type: content_type.as_deref(), url };
            let samples = decode(Cursor::new(body), clues, config.longest_s)?;
            Ok(Loaded::Sound(Sound::from_samples(&samples), validity))
        }
    }
}
