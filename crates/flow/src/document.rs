//! Reading flow documents: bounds first, then JSON, then actions.

use std::fmt;

use base::Random;
use model::Action;
use serde_json::Value;
use uuid::Uuid;

use crate::{Problem, ProblemReason};

/// Longest flow document, bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Deepest nesting of arrays and objects in a flow document.
pub const MAX_DEPTH: usize = 64;
/// Most actions of one array.
pub const MAX_ACTIONS: usize = 10_000;

/// A flow document: an array of actions, or an object with `actions` as in `POST /flows`.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// With ids filled in; not verified yet.
    pub actions: Vec<Action>,
    /// The flow that runs afterwards; nil = none.
    pub on_complete_flow_id: Uuid,
}

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// More than [`MAX_DOCUMENT_BYTES`].
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep {
        /// Where the limit is passed, from 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// Not well-formed JSON.
    Syntax {
        /// Where, from 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// Well-formed, but no actions can be read from it.
    Invalid(Vec<Problem>),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentError::TooLarge { bytes } => {
                write!(f, "the document has {bytes} bytes, allowed are {MAX_DOCUMENT_BYTES}")
            }
            DocumentError::TooDeep { line, column } => {
                write!(f, "line {line}, column {column}: nested deeper than {MAX_DEPTH} levels")
            }
            DocumentError::Syntax { line, column, what } => {
                write!(f, "line {line}, column {column}: not JSON: {what}")
            }
            DocumentError::Invalid(problems) => {
                for (i, problem) in problems.iter().enumerate() {
                    if i > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DocumentError {}

/// Reads a whole document, for `flowswitch check` and request bodies.
///
/// # Errors
/// See [`DocumentError`]; which actions exist is for [`crate::verify`] to say.
pub fn read_document(text: &[u8], random: &mut Random) -> Result<Document, DocumentError> {
    let value = parse(text)?;
    let mut problems = Vec::new();
    let (mut name, mut detail, mut on_complete_flow_id) = (String::new(), String::new(), Uuid::nil());
    let actions = match value {
        Value::Object(mut object) => {
            name = text_field(&object, "name", &mut problems);
            detail = text_field(&object, "detail", &mut problems);
            let id = text_field(&object, "on_complete_flow_id", &mut problems);
            if !id.is_empty() {
                match Uuid::parse_str(&id) {
                    Ok(id) => on_complete_flow_id = id,
                    Err(_) => {
                        problems.push(Problem::invalid("on_complete_flow_id", "it is no UUID", "the id of a flow"))
                    }
                }
            }
            object.shift_remove("actions").unwrap_or(Value::Null)
        }
        other => other,
    };
    match read_actions(actions, random) {
        Ok(actions) if problems.is_empty() => Ok(Document { name, detail, actions, on_complete_flow_id }),
        Ok(_) => Err(DocumentError::Invalid(problems)),
        Err(more) => {
            problems.extend(more);
            Err(DocumentError::Invalid(problems))
        }
    }
}

/// Parses JSON within the bounds of a document.
pub(crate) fn parse(text: &[u8]) -> Result<Value, DocumentError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge { bytes: text.len() });
    }
    check_depth(text)?;
    serde_json::from_slice(text).map_err(|error| DocumentError::Syntax {
        line: error.line(),
        column: error.column(),
        what: without_position(&error.to_string()),
    })
}

/// Reads an array of actions out of a larger document, with the bounds of a document of its own. Null is an empty array.
///
/// # Errors
/// What is wrong, with JSON paths that start at `actions`.
pub fn read_actions(value: Value, random: &mut Random) -> Result<Vec<Action>, Vec<Problem>> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        _ => return Err(vec![Problem::invalid("actions", "it is no array", "an array of actions")]),
    };
    if items.len() > MAX_ACTIONS {
        let what = format!("there are {} actions", items.len());
        return Err(vec![Problem::invalid("actions", what, format!("at most {MAX_ACTIONS} actions"))]);
    }
    let mut octets = 0;
    let (mut actions, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    for (i, item) in items.into_iter().enumerate() {
        // The array is a level of its own.
        if let Err(problem) = measure(&item, MAX_DEPTH - 1, &mut octets) {
            return Err(vec![Problem::invalid(format!("actions[{i}]"), problem.0, problem.1)]);
        }
        match Action::from_value(item, random) {
            Ok(action) => actions.push(action),
            Err(errors) if problems.len() < Problem::MAX => problems.extend(errors.into_iter().map(|error| {
                let path =
                    if error.key.is_empty() { format!("actions[{i}]") } else { format!("actions[{i}].{}", error.key) };
                Problem {
                    is_mistake: false,
                    reason: ProblemReason::InvalidArgument,
                    json_path: path,
                    what: error.what,
                    expected: error.expected.into(),
                }
            })),
            Err(_) => {}
        }
    }
    if problems.is_empty() { Ok(actions) } else { Err(problems) }
}

/// Depth and size of a value that was parsed elsewhere. On failure: what, and what is expected.
fn measure(value: &Value, depth_left: usize, octets: &mut usize) -> Result<(), (String, String)> {
    let too_deep = || Err((format!("it is nested deeper than {MAX_DEPTH} levels"), "a flat option".to_owned()));
    *octets += 4;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => *octets += text.len(),
        Value::Array(_) | Value::Object(_) if depth_left == 0 => return too_deep(),
        Value::Array(items) => {
            for item in items {
                measure(item, depth_left - 1, octets)?;
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                *octets += key.len();
                measure(item, depth_left - 1, octets)?;
            }
        }
    }
    if *octets > 2 * MAX_DOCUMENT_BYTES {
        return Err((
            "the actions up to here are too long".into(),
            format!("at most {MAX_DOCUMENT_BYTES} bytes in all"),
        ));
    }
    Ok(())
}

/// Counts brackets outside of strings, so that the parser never sees what is too deep.
fn check_depth(text: &[u8]) -> Result<(), DocumentError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let line = 1 + text[..at].iter().filter(|b| **b == b'\n').count();
                    let line_start = text[..at].iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
                    return Err(DocumentError::TooDeep { line, column: at - line_start + 1 });
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn text_field(object: &serde_json::Map<String, Value>, key: &'static str, problems: &mut Vec<Problem>) -> String {
    match object.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => {
            problems.push(Problem::invalid(key, "it is no text", "a text"));
            String::new()
        }
    }
}

/// serde_json repeats the position at the end of its message.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Document, DocumentError> {
        read_document(text.as_bytes(), &mut Random::from_seed([5; 32]))
    }

    #[test]
    fn a_document_is_an_array_or_an_object_with_actions() {
        for text in [
            r#"[{"type":"answer"},{"type":"hangup"}]"#,
            r#"{"actions":[{"type":"answer"},{"type":"hangup"}],"name":"n","colour":1}"#,
        ] {
            assert_eq!(read(text).unwrap().actions.len(), 2, "{text}");
        }
        let document = read(r#"{"name":"n","on_complete_flow_id":"00000000-0000-0000-0000-0000000000aa"}"#).unwrap();
        assert_eq!((document.name.as_str(), document.actions.len()), ("n", 0));
        assert_eq!(document.on_complete_flow_id, Uuid::from_u128(0xaa));
    }

    #[test]
    fn what_is_no_json_is_told_by_line_and_column() {
        for (text, line, column) in [
            ("", 1, 0),
            ("[", 1, 1),
            ("[\n{\"type\":\"answer\",}]", 2, 18),
            ("{\"actions\": [] // x", 1, 16),
            ("[]]", 1, 3),
            ("nope", 1, 2),
        ] {
            match read(text) {
                Err(DocumentError::Syntax { line: l, column: c, what }) => {
                    assert_eq!((l, c), (line, column), "{text}: {what}");
                    assert!(!what.contains("line"), "{what}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn size_depth_and_number_are_bounded_each_with_its_own_error() {
        let huge = format!("[\"{}\"]", "x".repeat(MAX_DOCUMENT_BYTES));
        assert_eq!(read(&huge), Err(DocumentError::TooLarge { bytes: huge.len() }));
        let nested = |levels: usize| {
            let inner = levels - 3;
            format!("[{{\"type\":\"empty\",\n\"option\":{{\"x\":{}{}}}}}]", "[".repeat(inner), "]".repeat(inner))
        };
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(DocumentError::TooDeep { line: 2, column: 76 }));
        assert!(matches!(read(&"[".repeat(500_000)), Err(DocumentError::TooDeep { line: 1, column: 65 })));
        let brackets_in_text = format!("[{{\"type\":\"empty\",\"option\":{{\"x\":\"\\\"{}\"}}}}]", "[".repeat(1000));
        assert!(read(&brackets_in_text).is_ok());
        let many = |n: usize| format!("[{}]", vec!["{}"; n].join(","));
        assert_eq!(read(&many(MAX_ACTIONS)).unwrap().actions.len(), MAX_ACTIONS);
        let error = read(&many(MAX_ACTIONS + 1)).unwrap_err();
        assert_eq!(error.to_string(), "actions: there are 10001 actions; expected: at most 10000 actions");
    }

    #[test]
    fn actions_inside_a_larger_document_have_the_same_bounds() {
        let mut random = Random::from_seed([5; 32]);
        let mut deep = json!([]);
        for _ in 0..MAX_DEPTH {
            deep = json!([deep]);
        }
        let problems = read_actions(json!([{"type": "empty"}, {"option": deep}]), &mut random).unwrap_err();
        assert_eq!(problems[0].json_path, "actions[1]");
        let long = json!([{"option": "x".repeat(MAX_DOCUMENT_BYTES)}, {"option": "x".repeat(MAX_DOCUMENT_BYTES)}, {"option": "x"}]);
        assert_eq!(read_actions(long, &mut random).unwrap_err()[0].json_path, "actions[1]");
        assert_eq!(read_actions(Value::Null, &mut random).unwrap(), []);
        assert!(read_actions(json!({"type": "answer"}), &mut random).is_err());
    }

    #[test]
    fn every_wrong_action_is_told_by_its_path() {
        let error = read(r#"{"name": 5, "actions": [{"type":"answer"}, 7, {"id": 5, "type": "x"}, {"type": []}]}"#)
            .unwrap_err();
        let DocumentError::Invalid(problems) = error else { panic!() };
        let paths: Vec<_> = problems.iter().map(|problem| problem.json_path.as_str()).collect();
        assert_eq!(paths, ["name", "actions[1]", "actions[2].id", "actions[3].type"]);
    }
}
