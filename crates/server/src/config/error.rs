//! Why a configuration was refused: where, which key, what was found, what is allowed.

use std::fmt;
use std::path::PathBuf;

/// A configuration that the server does not start with. Its text is one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file or variable at fault.
    pub place: Place,
    /// The dotted key, such as `sip.udp.port`; empty where no single key is at fault.
    pub key: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A whole file.
    File(PathBuf),
    /// A line of a file, counted from 1.
    Line(PathBuf, usize),
    /// An environment variable.
    Variable(String),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file could not be read: the system's reason.
    Unreadable(String),
    /// The file is not TOML: the parser's reason.
    NotToml(String),
    /// There is no such key.
    UnknownKey {
        /// The keys that exist in its place.
        known: Vec<String>,
    },
    /// The value is not one that the key takes.
    Value {
        /// The value as it was written.
        found: String,
        /// What the key takes.
        allowed: String,
    },
    /// The environment variable names no single value.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Line(path, line) => write!(f, "{} line {line}", path.display()),
            Place::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        match &self.problem {
            Problem::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Problem::NotToml(why) => write!(f, "not valid TOML: {why}"),
            Problem::Variable(why) => f.write_str(why),
            Problem::Value { found, allowed } => write!(f, "found {found}, allowed: {allowed}"),
            Problem::UnknownKey { known } => {
                f.write_str("unknown key")?;
                let written = self.key.rsplit('.').next().unwrap_or_default();
                if let Some(near) = nearest(written, known) {
                    write!(f, "; did you mean `{near}`?")?;
                }
                write!(f, " (known here: {})", known.join(", "))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// The known key that differs from `written` by at most two letters, if there is one.
fn nearest<'a>(written: &str, known: &'a [String]) -> Option<&'a String> {
    known.iter().map(|key| (distance(written, key), key)).filter(|(d, _)| *d <= 2).min().map(|(_, key)| key)
}

/// Edits of one letter (put in, left out, replaced) that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["address".to_owned(), "port".to_owned()];
        assert_eq!(nearest("prot", &known), Some(&known[1]));
        assert_eq!(nearest("adress", &known), Some(&known[0]));
        assert_eq!(nearest("password", &known), None);
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("port", "prot", 2), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
