//! From the tree to the typed configuration: a serde deserializer whose errors say what was found and what is allowed,
//! and which reads the text of an environment variable as whatever its key takes.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::{Node, Value};
use super::error::{ConfigError, Place, Problem};

/// Reads a value at the dotted key `path`.
pub(super) fn read<T: de::DeserializeOwned>(node: &Node, path: &str) -> Result<T, ConfigError> {
    T::deserialize(Reader { node, path }).map_err(|fault| match fault {
        Fault::Located(error) => *error,
        Fault::Allowed(allowed) => refuse(node, path, allowed),
        Fault::Unknown(known) => unknown(&node.place, path, known),
    })
}

/// The error for a value that its key does not take.
pub(super) fn refuse(node: &Node, path: &str, allowed: impl Into<String>) -> ConfigError {
    ConfigError {
        place: node.place.clone(),
        key: path.to_owned(),
        problem: Problem::Value { found: node.found(), allowed: allowed.into() },
    }
}

fn unknown(place: &Place, key: &str, known: Vec<String>) -> ConfigError {
    ConfigError { place: place.clone(), key: key.to_owned(), problem: Problem::UnknownKey { known } }
}

/// What serde's side knows of an error; the place is added on the way out.
#[derive(Debug)]
enum Fault {
    Allowed(String),
    Unknown(Vec<String>),
    Located(Box<ConfigError>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Allowed(allowed) => write!(f, "allowed: {allowed}"),
            Fault::Unknown(known) => write!(f, "unknown key; known: {}", known.join(", ")),
            Fault::Located(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Fault {
        Fault::Allowed(message.to_string())
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        Fault::Allowed(in_plain_words(&expected.to_string()))
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        Fault::Allowed(in_plain_words(&expected.to_string()))
    }
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Fault {
        Fault::Unknown(expected.iter().map(|key| (*key).to_owned()).collect())
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Fault {
        Fault::Allowed(expected.join(", "))
    }
}

/// Serde's own words for what its types take, in ours.
fn in_plain_words(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "path string" => "a path, in quotes".to_owned(),
        "a string" => "text, in quotes".to_owned(),
        word if word.starts_with("struct ") => "a section of keys".to_owned(),
        other => other.to_owned(),
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    path: &'a str,
}

impl Reader<'_> {
    fn locate(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Allowed(allowed) => Fault::Located(Box::new(refuse(self.node, self.path, allowed))),
            located => located,
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let outcome = match &self.node.value {
            Value::Table(table) => {
                let entries = table.iter();
                visitor.visit_map(Table { entries, next: None, path: self.path })
            }
            Value::List(elements) => visitor.visit_seq(List { elements: elements.iter().enumerate(), path: self.path }),
            Value::Text(text) | Value::Variable(text) => visitor.visit_str(text),
            Value::Whole(number) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Other(_) => Err(de::Error::invalid_type(Unexpected::Other(""), &visitor)),
        };
        outcome.map_err(|fault| self.locate(fault))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Variable(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_u64(number).map_err(|fault| self.locate(fault)),
                Err(_) => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Variable(text) if text == "true" || text == "false" => visitor.visit_bool(text == "true"),
            _ => Err(self.locate(Fault::Allowed("true or false".to_owned()))),
        }
    }

    /// A variable gives a list as TOML does, or as words between commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Variable(text) = &self.node.value else { return self.deserialize_any(visitor) };
        let words = text.trim().trim_start_matches('[').trim_end_matches(']').split(',');
        let words = words.map(|word| word.trim().trim_matches(['"', '\''])).filter(|word| !word.is_empty());
        let elements: Vec<Node> = words
            .map(|word| Node { place: self.node.place.clone(), value: Value::Variable(word.to_owned()) })
            .collect();
        visitor
            .visit_seq(List { elements: elements.iter().enumerate(), path: self.path })
            .map_err(|fault| self.locate(fault))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) | Value::Variable(text) => {
                let word: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|fault| self.locate(fault))
            }
            _ => Err(self.locate(Fault::Allowed(variants.join(", ")))),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}

type Entries<'a> = std::collections::btree_map::Iter<'a, String, (Place, Node)>;

struct Table<'a> {
    entries: Entries<'a>,
    next: Option<(&'a str, &'a Node)>,
    path: &'a str,
}

impl<'de> MapAccess<'de> for Table<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, (place, node))) = self.entries.next() else { return Ok(None) };
        self.next = Some((key, node));
        let word: StringDeserializer<Fault> = key.clone().into_deserializer();
        seed.deserialize(word).map(Some).map_err(|fault| match fault {
            Fault::Unknown(known) => Fault::Located(Box::new(unknown(place, &below(self.path, key), known))),
            other => other,
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (key, node) = self.next.take().expect("serde asks for a value after its key");
        let reader = Reader { node, path: &below(self.path, key) };
        seed.deserialize(reader).map_err(|fault| reader.locate(fault))
    }
}

struct List<'a> {
    elements: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    path: &'a str,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((index, node)) = self.elements.next() else { return Ok(None) };
        let reader = Reader { node, path: &format!("{}[{index}]", self.path) };
        seed.deserialize(reader).map(Some).map_err(|fault| reader.locate(fault))
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
