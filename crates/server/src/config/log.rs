//! `[log]`: how much is logged, and in which form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Logging.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// What is logged.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `Text` on a terminal, else `Json`.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// One level for all, or with exceptions for parts of the program: `info,sip_transport=debug`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLevel {
    text: String,
    targets: Targets,
}

impl LogLevel {
    /// The filter that this level means.
    pub fn targets(&self) -> Targets {
        self.targets.clone()
    }
}

impl Default for LogLevel {
    fn default() -> LogLevel {
        LogLevel { text: "info".to_owned(), targets: quiet().with_default(LevelFilter::INFO) }
    }
}

/// What a library says that we say ourselves, with the destination and not once for each attempt: a receiver of webhooks whose
/// certificate nobody trusts would fill the disk, and so would a damaged sound, at each of its frames. Who asks for it by name
/// gets it.
fn quiet() -> Targets {
    Targets::new().with_target("rustls_platform_verifier", LevelFilter::OFF).with_target("symphonia", LevelFilter::OFF)
}

impl FromStr for LogLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<LogLevel, ()> {
        let mut targets = quiet();
        for part in text.split(',') {
            let (target, word) = match part.trim().split_once('=') {
                Some((target, word)) => (Some(target), word),
                None => (None, part.trim()),
            };
            let level = level(word).ok_or(())?;
            targets = match target {
                Some(target) if is_path(target) => targets.with_target(target, level),
                Some(_) => return Err(()),
                None => targets.with_default(level),
            };
        }
        Ok(LogLevel { text: text.to_owned(), targets })
    }
}

fn level(word: &str) -> Option<LevelFilter> {
    Some(match word {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return None,
    })
}

fn is_path(target: &str) -> bool {
    !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LogLevel, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|()| {
            de::Error::custom(
                "off, error, warn, info, debug or trace, and after commas exceptions such as sip_transport=debug",
            )
        })
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
