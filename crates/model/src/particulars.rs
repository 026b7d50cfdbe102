//! Names and values of a note, in their order: a JSON object to whoever reads it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// What a note tells beside its words. A map would take several pieces of memory for each of the few names, which are known
/// when the program is built; notes are made by one thread and freed by another, thousands in a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Particulars(Vec<(Cow<'static, str>, Value)>);

impl Particulars {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// The names must differ.
impl<const COUNT: usize> From<[(&'static str, Value); COUNT]> for Particulars {
    fn from(pairs: [(&'static str, Value); COUNT]) -> Particulars {
        Particulars(pairs.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }
}

impl From<Map<String, Value>> for Particulars {
    fn from(map: Map<String, Value>) -> Particulars {
        Particulars(map.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
    }
}

impl Serialize for Particulars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Particulars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Particulars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Particulars, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    pairs.push((Cow::Owned(name), value));
                }
                Ok(Particulars(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn particulars_are_an_object_in_text_and_in_the_compact_form() {
        let particulars = Particulars::from([("step", json!(3)), ("action_type", json!("talk"))]);
        assert_eq!(serde_json::to_string(&particulars).unwrap(), r#"{"step":3,"action_type":"talk"}"#);
        let octets = rmp_serde::to_vec(&particulars).unwrap();
        let as_map = Map::from_iter([("step".to_owned(), json!(3)), ("action_type".to_owned(), json!("talk"))]);
        assert_eq!(octets, rmp_serde::to_vec(&as_map).unwrap(), "what is in older logs");
        assert_eq!(rmp_serde::from_slice::<Particulars>(&octets).unwrap(), particulars);
        assert_eq!(particulars.get("step"), Some(&json!(3)));
        assert_eq!(rmp_serde::to_vec(&Particulars::default()).unwrap(), [0x80]);
    }
}
