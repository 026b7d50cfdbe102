//! Who speaks: the program espeak-ng behind a cache on disk, or somebody who says why nobody does.

use std::path::PathBuf;
use std::sync::Arc;

use speech::{DiskCache, Espeak, EspeakConfig, SpeechError, Synthesizer, Unavailable};

use crate::config::Config;

/// Starts it. Without the program the server runs all the same: flows pass over what they would say.
pub(super) fn start(config: &Config) -> Arc<dyn Synthesizer> {
    if config.speech.program.is_empty() {
        let why = "texts are not spoken: speech.program is empty in the configuration".to_owned();
        return Arc::new(Unavailable::new(SpeechError::Unavailable(why)));
    }
    let settings = EspeakConfig {
        program: PathBuf::from(&config.speech.program),
        children_max: config.speech.processes,
        ..EspeakConfig::default()
    };
    let espeak = match Espeak::start(settings) {
        Ok(espeak) => espeak,
        Err(error) => {
            tracing::warn!("{error}");
            return Arc::new(Unavailable::new(error));
        }
    };
    if config.speech.cache_mib == 0 {
        return Arc::new(espeak);
    }
    let folder = config.data_dir.join("speech-cache");
    match DiskCache::open(espeak, &folder, config.speech.cache_mib << 20) {
        Ok(cached) => Arc::new(cached),
        Err(error) => {
            let why = format!("the speech cache {} cannot be used: {error}", folder.display());
            tracing::error!("{why}");
            Arc::new(Unavailable::new(SpeechError::Unavailable(why)))
        }
    }
}
