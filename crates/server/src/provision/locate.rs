//! The line on which a value of a JSON document stands, found by its path.

/// One step of a path into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The steps of `flows[0].actions[2].type`.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        match part.strip_suffix(']').map(str::parse) {
            Some(Ok(index)) => steps.push(Step::Index(index)),
            _ => steps.push(Step::Key(part.trim_end_matches(']').to_owned())),
        }
    }
    steps
}

/// The line, counted from 1, of the value below `steps`; of the deepest value on the way where the path leads nowhere.
/// `text` must be valid JSON.
pub(super) fn line(text: &str, steps: &[Step]) -> usize {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_space();
    for step in steps {
        let before = scanner.at;
        let entered = match step {
            Step::Key(key) => scanner.enter_key(key),
            Step::Index(index) => scanner.enter_index(*index),
        };
        if !entered {
            scanner.at = before;
            break;
        }
    }
    1 + text.as_bytes()[..scanner.at].iter().filter(|byte| **byte == b'\n').count()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn step(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.bytes.len());
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r' | b'\n') {
            self.step(1);
        }
    }

    /// From an object to the value of its member `wanted`; of equal keys the last one counts, as in the parser.
    fn enter_key(&mut self, wanted: &str) -> bool {
        if self.peek() != b'{' {
            return false;
        }
        self.step(1);
        let mut found = None;
        loop {
            self.skip_space();
            if self.peek() != b'"' {
                break;
            }
            let start = self.at;
            self.skip_value();
            let key = serde_json::from_slice::<String>(&self.bytes[start..self.at]);
            self.skip_space();
            self.step(1); // the colon
            self.skip_space();
            if key.is_ok_and(|key| key == wanted) {
                found = Some(self.at);
            }
            self.skip_value();
            self.skip_space();
            self.step(1); // the comma, or the end
        }
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    fn enter_index(&mut self, index: usize) -> bool {
        if self.peek() != b'[' {
            return false;
        }
        self.step(1);
        for _ in 0..index {
            self.skip_space();
            self.skip_value();
            self.skip_space();
            if self.peek() != b',' {
                return false;
            }
            self.step(1);
        }
        self.skip_space();
        self.peek() != b']'
    }

    /// Past one value: a string, a whole object or array, or a bare word.
    fn skip_value(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.step(1);
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.step(1);
                }
                _ if depth > 0 => self.step(1),
                _ => {
                    while !matches!(self.peek(), b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | 0) {
                        self.step(1);
                    }
                }
            }
            if depth == 0 || self.at >= self.bytes.len() {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.step(1);
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'\\' => self.step(2),
                b'"' => break,
                _ => self.step(1),
            }
        }
        self.step(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "a": "x, ] } \" \\",
  "flows": [
    {"name": "one", "actions": []},
    {
      "name": "two",
      "act\u0069ons": [ {"type": "answer"},
        {"type": "play",
         "option": {"a.b": 1}}, 7,
        null]
    }
  ],
  "a": 2
}"#;

    #[test]
    fn a_path_leads_to_the_line_of_its_value() {
        for (path, expected) in [
            ("", 1),
            ("a", 13),
            ("flows", 3),
            ("flows[0]", 4),
            ("flows[0].name", 4),
            ("flows[1]", 5),
            ("flows[1].name", 6),
            ("flows[1].actions[0].type", 7),
            ("flows[1].actions[1]", 8),
            ("flows[1].actions[1].option", 9),
            ("flows[1].actions[2]", 9),
            ("flows[1].actions[3]", 10),
        ] {
            assert_eq!(line(TEXT, &steps(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_ends_at_the_deepest_value_there_is() {
        for (path, expected) in
            [("b", 1), ("flows[9]", 3), ("flows[1].id", 5), ("flows[0].actions[0].type", 4), ("a.b[0]", 13)]
        {
            assert_eq!(line(TEXT, &steps(path)), expected, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_and_no_path_break_the_search(text in "[\\[\\]{}\",:\\\\a \n]{0,60}", path in "[a\\[\\]0-9.]{0,20}") {
            let found = line(&text, &steps(&path));
            assert!(found <= 1 + text.matches('\n').count());
        }
    }
}
