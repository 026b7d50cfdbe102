//! What the verifier finds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong, or probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The class, for programs.
    pub reason: ProblemReason,
    /// Where, e.g. `actions[3].option.target_id`.
    pub json_path: String,
    /// What was found.
    pub what: String,
    /// What would be right.
    pub expected: String,
    /// Of a warning: when the flow runs this fails or does nothing. It is accepted because VoIPBIN accepts it.
    #[serde(default)]
    pub is_mistake: bool,
}

impl Problem {
    /// Most problems that are told of one array.
    pub(crate) const MAX: usize = 100;

    pub(crate) fn invalid(json_path: impl Into<String>, what: impl Into<String>, expected: impl Into<String>) -> Self {
        Problem {
            reason: ProblemReason::InvalidArgument,
            json_path: json_path.into(),
            what: what.into(),
            expected: expected.into(),
            is_mistake: false,
        }
    }

    /// The same where the array stands at `path` of a larger document, such as `conferences[0].pre_actions`, and not at `actions`.
    /// An empty path: the array is the whole document, and places in it begin with an index.
    pub fn moved_to(self, path: &str) -> Problem {
        let below = self.json_path.strip_prefix("actions").unwrap_or(&self.json_path);
        let json_path = format!("{path}{below}").trim_start_matches('.').to_owned();
        // The text may name other actions of the array.
        let what = self.what.replace(" actions[", &format!(" {path}["));
        Problem { json_path, what, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected: {}", self.json_path, self.what, self.expected)
    }
}

/// The `reason` of an error response (spec/resources.md §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProblemReason {
    /// A value is wrong.
    InvalidArgument,
    /// A type does not exist, or this server does not carry it out yet.
    InvalidActionType,
}

impl ProblemReason {
    /// The name in the error response.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemReason::InvalidArgument => "INVALID_ARGUMENT",
            ProblemReason::InvalidActionType => "INVALID_ACTION_TYPE",
        }
    }
}

/// What [`crate::verify`] found; at most 100 of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The array must be refused for these.
    pub problems: Vec<Problem>,
    /// These are accepted, and probably not what was meant.
    pub warnings: Vec<Problem>,
    /// These are accepted and may well be meant.
    #[serde(default)]
    pub hints: Vec<Problem>,
}

impl Verdict {
    /// Whether the array may be stored.
    pub fn is_accepted(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn wrong_type(&mut self, path: &str, what: String) {
        let mut problem =
            Problem::invalid(format!("{path}.type"), what, "a type of action that this server carries out");
        problem.reason = ProblemReason::InvalidActionType;
        push(&mut self.problems, problem);
    }

    pub(super) fn invalid(&mut self, path: impl Into<String>, what: impl Into<String>, expected: impl Into<String>) {
        push(&mut self.problems, Problem::invalid(path, what, expected));
    }

    pub(super) fn warn(&mut self, path: impl Into<String>, what: impl Into<String>, expected: impl Into<String>) {
        push(&mut self.warnings, Problem::invalid(path, what, expected));
    }

    /// A warning of what fails or does nothing when the flow runs.
    pub(super) fn mistake(&mut self, path: impl Into<String>, what: impl Into<String>, expected: impl Into<String>) {
        push(&mut self.warnings, Problem { is_mistake: true, ..Problem::invalid(path, what, expected) });
    }

    pub(super) fn hint(&mut self, path: impl Into<String>, what: impl Into<String>, expected: impl Into<String>) {
        push(&mut self.hints, Problem::invalid(path, what, expected));
    }
}

fn push(problems: &mut Vec<Problem>, problem: Problem) {
    if problems.len() < Problem::MAX {
        problems.push(problem);
    }
}

/// A user's text, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() > SHOWN {
        format!("{}…", text.chars().take(SHOWN).collect::<String>())
    } else {
        text.to_owned()
    }
}
