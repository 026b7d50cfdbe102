//! What was found, counted by kind, with the first few of each in words.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use crate::report::Table;

/// How many of each kind are told in words.
const EXAMPLES: usize = 5;

/// Counts and examples by kind. The kinds are words of the program, so their number is bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(BTreeMap<&'static str, (u64, Vec<String>)>);

impl Notes {
    pub(crate) fn add(&mut self, kind: &'static str, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(kind).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }

    pub(crate) fn merge(&mut self, other: &Notes) {
        for (kind, (count, examples)) in &other.0 {
            let mine = self.0.entry(kind).or_default();
            mine.0 += count;
            let room = EXAMPLES - mine.1.len();
            mine.1.extend(examples.iter().take(room).cloned());
        }
    }

    /// As lines under one heading for each kind.
    pub(crate) fn tell(&self, table: &mut Table) {
        for (kind, (count, examples)) in &self.0 {
            table.heading(&format!("{count} times: {kind}"));
            for example in examples {
                table.line(format_args!("    {example}"));
            }
        }
    }
}

impl Serialize for Notes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, (count, examples)) in &self.0 {
            map.serialize_entry(kind, &json!({ "count": count, "examples": examples }))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_five_are_told() {
        let (mut notes, mut other) = (Notes::default(), Notes::default());
        for at in 0..4 {
            notes.add("refused", || at.to_string());
            other.add("refused", || (10 + at).to_string());
        }
        notes.merge(&other);
        let value = serde_json::to_value(&notes).unwrap();
        assert_eq!(value["refused"]["count"], 8);
        assert_eq!(value["refused"]["examples"], json!(["0", "1", "2", "3", "10"]));
    }
}
