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

/// The known key that differs from `written` by at most two letters, of a short word by one, if there is one.
fn nearest<'a>(written: &str, known: &'a [String]) -> Option<&'a String> {
    let most = if written.chars().count() > 4 { 2 } else { 1 };
    known.iter().map(|key| (distance(written, key), key)).filter(|(d, _)| *d <= most).min().map(|(_, key)| key)
}

/// Edits (a letter put in, left out or replaced, two neighbours exchanged) that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|text| text.chars().take(64).collect::<Vec<char>>());
    let (mut before, mut above) = (Vec::new(), (0..=b.len()).collect::<Vec<usize>>());
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut edits = (above[j] + usize::from(a[i] != b[j])).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                edits = edits.min(before[j - 1] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
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
        assert_eq!(nearest("cert", &known), None, "of a short word half would be another one");
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, expected) in
            [("", "", 0), ("a", "", 1), ("port", "prot", 1), ("cert", "port", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
