//! The configuration as a tree in which every value knows the line or the environment variable that it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place, Problem};

/// Every variable that overrides a key begins with this.
pub(super) const PREFIX: &str = "FLOWSWITCH_";

/// Orchestrators set these for a service of the name `flowswitch`; they are not keys.
const NOT_OURS: [&str; 2] = ["FLOWSWITCH_SERVICE_", "FLOWSWITCH_PORT"];

/// One value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value. What an environment variable says is text until a key asks for a number or a list.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(BTreeMap<String, (Place, Node)>),
    List(Vec<Node>),
    Text(String),
    Whole(i64),
    Flag(bool),
    Variable(String),
    /// TOML that no key takes: floats, dates, integers beyond 64 bits.
    Other(String),
}

impl Node {
    /// The tree of `text`, which was read from `file`.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Node, ConfigError> {
        let lines = Lines { file: file.to_owned(), text };
        let table = DeTable::parse(text).map_err(|error| ConfigError {
            place: lines.place(error.span().map_or(0, |span| span.start)),
            key: String::new(),
            problem: Problem::NotToml(error.message().replace('\n', ", ")),
        })?;
        Ok(lines.table(Place::File(file.to_owned()), table.get_ref()))
    }

    /// A tree without any key, for a start without a file.
    pub(super) fn empty(file: &Path) -> Node {
        Node { place: Place::File(file.to_owned()), value: Value::Table(BTreeMap::new()) }
    }

    /// Puts the variables that begin with [`PREFIX`] in place of what the file says. `A__B` is the key `a.b`, and a
    /// number is a place in a list: `SIP__UDP__0__PORT`.
    pub(super) fn override_by(&mut self, variables: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            if NOT_OURS.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            let keys: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            let place = Place::Variable(name.clone());
            let target = self.reach(&place, &keys).map_err(|why| ConfigError {
                place: place.clone(),
                key: keys.join("."),
                problem: Problem::Variable(why),
            })?;
            *target = Node { place, value: Value::Variable(text.clone()) };
        }
        Ok(())
    }

    /// The node below `keys`; what is missing on the way is made.
    fn reach(&mut self, place: &Place, keys: &[String]) -> Result<&mut Node, String> {
        let Some((key, rest)) = keys.split_first() else { return Ok(self) };
        if let Ok(index) = key.parse::<usize>() {
            return self.element(place, index)?.reach(place, rest);
        }
        if !matches!(self.value, Value::Table(_) | Value::List(_)) {
            *self = Node { place: place.clone(), value: Value::Table(BTreeMap::new()) };
        }
        match &mut self.value {
            Value::Table(table) => {
                let missing = || Node { place: place.clone(), value: Value::Table(BTreeMap::new()) };
                let (_, child) = table.entry(key.clone()).or_insert_with(|| (place.clone(), missing()));
                child.reach(place, rest)
            }
            // One listener may be addressed without its number.
            Value::List(elements) => match elements.as_mut_slice() {
                [single] => single.reach(place, keys),
                several => {
                    let (count, key) = (several.len(), key.to_uppercase());
                    Err(format!("there are {count} of them; say which by its number, from 0: `__0__{key}`"))
                }
            },
            _ => unreachable!("made a table above"),
        }
    }

    /// The `index`-th element; a single table counts as a list of one, and the next free place is made.
    fn element(&mut self, place: &Place, index: usize) -> Result<&mut Node, String> {
        let empty = || Node { place: place.clone(), value: Value::Table(BTreeMap::new()) };
        if !matches!(self.value, Value::List(_)) {
            let single = std::mem::replace(self, empty());
            let elements = match &single.value {
                Value::Table(table) if table.is_empty() => Vec::new(),
                _ => vec![single],
            };
            self.value = Value::List(elements);
        }
        let Value::List(elements) = &mut self.value else { unreachable!("made a list above") };
        if index > elements.len() {
            return Err(format!("there are {} of them; the next number is {}", elements.len(), elements.len()));
        }
        if index == elements.len() {
            elements.push(empty());
        }
        Ok(&mut elements[index])
    }

    /// The node below a dotted key; in a list its first element is meant unless a number says which.
    pub(super) fn find(&self, key: &str) -> Option<&Node> {
        key.split('.').try_fold(self, |node, part| match &node.value {
            Value::Table(table) => table.get(part).map(|(_, child)| child),
            Value::List(elements) => elements.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The value as the operator wrote it, for a message.
    pub(super) fn found(&self) -> String {
        match &self.value {
            Value::Table(_) => "a table".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Text(text) | Value::Variable(text) => quoted(text),
            Value::Whole(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Other(text) => shortened(text).unwrap_or_else(|| text.clone()),
        }
    }
}

/// The beginning of what is too long for a message.
fn shortened(text: &str) -> Option<String> {
    text.char_indices().nth(80).map(|(cut, _)| format!("{}...", &text[..cut]))
}

/// Text in quotes, cut to a length that fits a message.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{:?}...", &text[..cut]),
        None => format!("{text:?}"),
    }
}

/// Turns byte offsets into lines while the parsed document becomes our tree.
struct Lines<'a> {
    file: PathBuf,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().iter().take(offset);
        Place::Line(self.file.clone(), 1 + before.filter(|byte| **byte == b'\n').count())
    }

    fn table(&self, place: Place, table: &DeTable<'_>) -> Node {
        let entries = table.iter().map(|(key, value)| {
            let place = self.place(key.span().start);
            (key.get_ref().to_string(), (place, self.value(value)))
        });
        Node { place, value: Value::Table(entries.collect()) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::Table(table) => return self.table(place, table),
            DeValue::Array(elements) => Value::List(elements.iter().map(|element| self.value(element)).collect()),
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::Other(number.to_string()), Value::Whole),
            DeValue::Float(number) => Value::Other(number.as_str().to_owned()),
            DeValue::Datetime(moment) => Value::Other(moment.to_string()),
        };
        Node { place, value }
    }
}
