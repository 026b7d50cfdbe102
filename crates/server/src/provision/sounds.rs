//! Sounds that are files and are not there: a call would not hear them.

use std::path::Path;

use media_engine::look_for_sound_file;
use model::Action;
use speech::{TextPart, text_parts};

use super::Assembly;
use super::file::File;

impl Assembly<'_> {
    /// Tells of the sounds of the actions at `path` that cannot be played from `folder`.
    pub(super) fn look_for_sounds(&mut self, file: &File, path: &str, actions: &[Action], folder: &Path) {
        let played = flow::named_sounds(actions).into_iter().map(|(at, url)| (at, url.to_owned()));
        let spoken = flow::spoken_texts(actions).into_iter().flat_map(|(at, text)| {
            let mut urls = Vec::new();
            sounds_of(text_parts(text), &mut urls);
            urls.into_iter().map(move |url| (at.clone(), url))
        });
        for (at, url) in played.chain(spoken).filter(|(_, url)| !url.contains("${")) {
            if let Err(why) = look_for_sound_file(folder, &url) {
                let at = at.strip_prefix("actions").unwrap_or(&at);
                let at = format!("{path}{at}");
                let what = format!("\"{url}\" would be passed over: {why}");
                self.result.warnings.push(file.finding(at.trim_start_matches('.'), what, String::new()));
            }
        }
    }
}

/// The sounds that stand in a text, those for when others cannot be had included.
fn sounds_of(parts: Vec<TextPart>, urls: &mut Vec<String>) {
    for part in parts {
        if let TextPart::Sound { url, instead } = part {
            urls.push(url);
            sounds_of(instead, urls);
        }
    }
}
