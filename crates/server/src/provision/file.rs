//! One file: read, parsed, and asked for the place of each fault.

use std::path::{Path, PathBuf};

use model::Mismatch;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::error::Fault;
use super::locate;

/// A larger file is a mistake.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A parsed file of provisioning.
pub(super) struct File {
    name: PathBuf,
    text: String,
}

impl File {
    /// Reads the file and parses it as JSON.
    pub(super) fn read(name: &Path) -> Result<(File, Value), Fault> {
        let whole = |what: String| Fault { file: name.to_owned(), what, ..Fault::default() };
        let size = std::fs::metadata(name).map_err(|error| whole(format!("cannot be read: {error}")))?.len();
        if size > LARGEST {
            return Err(whole(format!("found {size} bytes, allowed: at most {LARGEST}")));
        }
        let text = std::fs::read(name).map_err(|error| whole(format!("cannot be read: {error}")))?;
        if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
            return Err(whole("cannot be read: it is UTF-16; save it as UTF-8".to_owned()));
        }
        let text = String::from_utf8(text).map_err(|_| whole("cannot be read: it is not UTF-8".to_owned()))?;
        File::parse(name, text)
    }

    /// [`File::read`] without the reading.
    pub(super) fn parse(name: &Path, mut text: String) -> Result<(File, Value), Fault> {
        // Some editors put a byte-order mark in front (RFC 8259 §8.1 lets readers pass over it).
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        if text.trim().is_empty() {
            return Err(Fault { file: name.to_owned(), what: "it is empty".to_owned(), ..Fault::default() });
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok((File { name: name.to_owned(), text }, value)),
            Err(error) => {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or(&what);
                let what = format!("not valid JSON: {what} (column {})", error.column());
                Err(Fault { file: name.to_owned(), line: error.line(), what, ..Fault::default() })
            }
        }
    }

    /// A fault at `path`: what was found, and behind `allowed: ` what would be right.
    pub(super) fn fault(&self, path: &str, what: impl Into<String>) -> Fault {
        let what = what.into();
        let (what, expected) = match what.split_once(" allowed: ") {
            Some((what, expected)) => (what.trim_end_matches([',', ';']).to_owned(), expected.to_owned()),
            None => (what, String::new()),
        };
        let line = locate::line(&self.text, &locate::steps(path));
        Fault { file: self.name.clone(), line, path: path.to_owned(), what, expected, is_mistake: false }
    }

    /// A fault at `path` that says by itself what would be right.
    pub(super) fn finding(&self, path: &str, what: String, expected: String) -> Fault {
        Fault { expected, ..self.fault(path, what) }
    }

    /// `path` with file and line, for a message about another place.
    pub(super) fn place(&self, path: &str) -> String {
        let line = locate::line(&self.text, &locate::steps(path));
        format!("{} line {line}", self.name.display())
    }

    /// The typed form of the value at `path`.
    pub(super) fn typed<T: DeserializeOwned>(&self, path: &str, value: &Value) -> Result<T, Fault> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let (mut at, mut culprit) = (path.to_owned(), value);
            for segment in error.path() {
                match segment {
                    Segment::Map { key } => {
                        at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                        culprit = culprit.get(key).unwrap_or(culprit);
                    }
                    Segment::Seq { index } => {
                        at = format!("{at}[{index}]");
                        culprit = culprit.get(index).unwrap_or(culprit);
                    }
                    Segment::Enum { .. } | Segment::Unknown => {}
                }
            }
            let message = error.inner().to_string();
            let allowed = Mismatch::read(&message).map_or(message, |mismatch| mismatch.allowed);
            self.fault(&at, format!("found {}, allowed: {allowed}", found(culprit)))
        })
    }
}

/// What a value is, for a message.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string().chars().take(80).collect(),
    }
}
