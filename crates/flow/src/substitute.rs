//! `${name}` in options (spec/flow.md §7.2).

use std::borrow::Cow;

use serde_json::Value;

/// Most octets that substitution may make of one option.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// The option became longer than [`MAX_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Where values come from; an unknown name gives the empty text.
pub(crate) trait Lookup {
    fn value(&self, name: &str) -> Cow<'_, str>;
}

/// Substitutes in every text at any depth. Keys of objects and values that are no text are left alone.
pub(crate) fn substitute(value: &mut Value, lookup: &dyn Lookup) -> Result<(), TooLong> {
    let mut budget = MAX_BYTES;
    substitute_within(value, lookup, &mut budget)
}

pub(crate) fn substitute_within(value: &mut Value, lookup: &dyn Lookup, budget: &mut usize) -> Result<(), TooLong> {
    match value {
        Value::String(text) => {
            if text.contains("${") {
                *text = substitute_text(text, lookup, *budget)?;
                *budget -= text.len();
            }
        }
        Value::Array(items) => {
            for item in items {
                substitute_within(item, lookup, budget)?;
            }
        }
        Value::Object(entries) => {
            for item in entries.values_mut() {
                substitute_within(item, lookup, budget)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn substitute_text(text: &str, lookup: &dyn Lookup, budget: usize) -> Result<String, TooLong> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(reference) = next_reference(rest) {
        result.push_str(&rest[..reference.start]);
        result.push_str(&lookup.value(reference.name));
        if result.len() > budget {
            return Err(TooLong);
        }
        rest = &rest[reference.end..];
    }
    result.push_str(rest);
    if result.len() > budget { Err(TooLong) } else { Ok(result) }
}

/// The name, if the whole text is exactly one `${name}`.
pub(crate) fn sole_reference(text: &str) -> Option<&str> {
    next_reference(text).filter(|r| r.start == 0 && r.end == text.len()).map(|r| r.name)
}

pub(crate) struct Reference<'t> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) name: &'t str,
}

/// The leftmost `${`, the shortest run of characters without a newline, `}`.
pub(crate) fn next_reference(text: &str) -> Option<Reference<'_>> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find("${")?;
        let name_start = start + 2;
        let stop = name_start + text[name_start..].find(['}', '\n'])?;
        if text.as_bytes()[stop] == b'}' {
            return Some(Reference { start, end: stop + 1, name: &text[name_start..stop] });
        }
        // A newline: nothing that opens before it can close.
        from = stop;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    impl Lookup for BTreeMap<&str, String> {
        fn value(&self, name: &str) -> Cow<'_, str> {
            self.get(name).map_or(Cow::Borrowed(""), |value| Cow::Borrowed(value.as_str()))
        }
    }

    fn known() -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("a", "1".to_owned()),
            (" a ", "spaced".to_owned()),
            ("customer.name", "Ann".to_owned()),
            ("again", "${a}".to_owned()),
            ("a${b", "odd".to_owned()),
        ])
    }

    #[test]
    fn text_is_substituted_by_the_table() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("${a}", "1"),
            ("x${a}y${a}z", "x1y1z"),
            ("${nope}", ""),
            ("<${nope}>", "<>"),
            ("${a", "${a"),
            ("${", "${"),
            ("$", "$"),
            ("$a {a} $ {a}", "$a {a} $ {a}"),
            ("${}", ""),
            ("${ a }", "spaced"),
            ("${A}", ""),
            ("${customer.name}!", "Ann!"),
            ("${again}", "${a}"),
            ("${x${a}}", "}"),
            ("${a${b}", "odd"),
            ("$${a}", "$1"),
            ("${a}}", "1}"),
            ("${a\n}", "${a\n}"),
            ("${x\n${a}", "${x\n1"),
            ("\\${a}", "\\1"),
            ("ü${a}ü", "ü1ü"),
        ] {
            let mut value = json!(text);
            substitute(&mut value, &known()).unwrap();
            assert_eq!(value, json!(expected), "{text:?}");
        }
    }

    #[test]
    fn values_at_any_depth_are_substituted_but_keys_and_numbers_are_left_alone() {
        let mut value = json!({"${a}": "${a}", "weekdays": [1, 2, "${a}"], "deep": [[{"x": ["${customer.name}"]}]], "n": 1.5, "t": true, "z": null});
        substitute(&mut value, &known()).unwrap();
        assert_eq!(
            value,
            json!({"${a}": "1", "weekdays": [1, 2, "1"], "deep": [[{"x": ["Ann"]}]], "n": 1.5, "t": true, "z": null})
        );
    }

    #[test]
    fn an_option_cannot_grow_without_bound() {
        let lookup = BTreeMap::from([("v", "x".repeat(32 * 1024))]);
        let mut fits = json!(["${v}".repeat(16), "${v}".repeat(16)]);
        assert_eq!(substitute(&mut fits, &lookup), Ok(()));
        let mut too_long = json!(["${v}".repeat(16), "${v}".repeat(17)]);
        assert_eq!(substitute(&mut too_long, &lookup), Err(TooLong));
    }

    #[test]
    fn a_sole_reference_fills_its_text() {
        for (text, expected) in [
            ("${a}", Some("a")),
            ("${a.b c}", Some("a.b c")),
            ("x${a}", None),
            ("${a}x", None),
            ("a", None),
            ("${a}${b}", None),
            ("${a", None),
            ("", None),
        ] {
            assert_eq!(sole_reference(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_text_without_a_reference_is_untouched(text in "[ab${}\\nü ]{0,40}") {
            let mut value = json!(text);
            substitute(&mut value, &known()).unwrap();
            if !text.contains("${") {
                prop_assert_eq!(value, json!(text));
            }
        }
    }
}
