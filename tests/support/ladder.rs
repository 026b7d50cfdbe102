//! The message ladder of a scenario as text: what crossed which link when, and what the flow did. Tags, branches and other
//! random text do not appear, so one ladder holds for every number of loops.

use std::fmt::Write as _;

/// Lines of a scenario in order of time.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    text: String,
}

impl Ladder {
    /// One line at `now_ns` of virtual time.
    pub fn line(&mut self, now_ns: u64, what: &str) {
        let (ms, us) = (now_ns / 1_000_000, now_ns / 1_000 % 1_000);
        writeln!(self.text, "{ms:>7}.{us:03}  {what}").expect("writing to a String cannot fail");
    }

    /// The whole.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Compares with `tests/golden/<name>.ladder`. With `UPDATE_GOLDEN=1` in the environment the file is rewritten instead.
pub(crate) fn check_golden(name: &str, ladder: &Ladder) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.ladder"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, ladder.text()).expect("the golden directory is writable");
        return;
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run once with UPDATE_GOLDEN=1 and review it", path.display()));
    assert!(
        golden == ladder.text(),
        "the ladder of {name} differs from {} (UPDATE_GOLDEN=1 rewrites it):\n{}",
        path.display(),
        first_difference(&golden, ladder.text())
    );
}

/// The first line that differs, with what was expected.
pub(crate) fn first_difference(expected: &str, found: &str) -> String {
    let mut expected_lines = expected.lines();
    let mut found_lines = found.lines();
    let mut number = 1;
    loop {
        match (expected_lines.next(), found_lines.next()) {
            (None, None) => return "no difference".into(),
            (a, b) if a == b => number += 1,
            (a, b) => {
                return format!(
                    "line {number}\n  expected: {}\n  found:    {}",
                    a.unwrap_or("(end)"),
                    b.unwrap_or("(end)")
                );
            }
        }
    }
}

impl Ladder {
    /// The same with the lines of each instant in the order of their text: which of two comes first within an instant
    /// may depend on the loop that does it.
    pub(crate) fn within_instants(&self) -> Ladder {
        let mut lines: Vec<&str> = self.text.lines().collect();
        lines.sort_by_key(|line| line.split_at_checked(11).map_or((*line, ""), |(time, what)| (time, what)));
        Ladder { text: lines.join("\n") }
    }
}
