//! `condition_variable`: compares a variable as text, as a number, or by its length.

use std::cmp::Ordering;

use super::about::{self, About, Allowed, Field, Type};
use super::comparison::Comparison;
use super::option::{OptionError, OptionReader, decimal};
use super::{Fault, Outcome, Run};

pub(super) const ABOUT: About = About {
    does: "Goes on when a variable compares as asked. A variable that is not set is the empty text. It is left as it is.",
    waits: "Nothing: the flow goes on at once.",
    fails: about::TARGET_ENDS,
    options: &[
        Field::new("condition", Type::Text, "How the variable (left) is compared with the value (right). Anything else is false.").required().allowed(about::OPERATORS),
        Field::new("variable", Type::Text, "The name of the variable. With a `${` in it, the text after substitution is compared itself.").required(),
        Field::new("value_type", Type::Text, "`string` compares byte by byte, `number` compares decimal numbers (text that is none is false), `length` compares the number of characters.").default("`string`").allowed(Allowed::Of(&["", "string", "number", "length"])),
        Field::new("value_string", Type::Text, "The value for `string`.").default("empty"),
        Field::new("value_number", Type::Number, "The value for `number`.").default("0"),
        Field::new("value_length", Type::Whole, "The value for `length`.").default("0"),
        about::FALSE_TARGET,
    ],
    example: r#"[
  { "type": "webhook_send", "option": { "sync": true, "uri": "https://crm.example.com/caller" } },
  { "type": "condition_variable",
    "option": { "condition": "==", "variable": "customer.tier", "value_string": "vip", "false_target_id": "others" } },
  { "type": "talk", "option": { "text": "Welcome back, ${customer.name}." } },
  { "type": "hangup" },
  { "id": "others", "type": "talk", "option": { "text": "Welcome." } }
]"#,
};

/// Options of `condition_variable`.
pub(super) struct Options<'a> {
    condition: Option<Comparison>,
    /// The name of a variable, or text made by substitution.
    variable: &'a str,
    value_type: &'a str,
    value_string: &'a str,
    value_number: f64,
    value_length: i64,
    false_target_id: Option<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            condition: Comparison::parse(option.text("condition")?.unwrap_or_default()),
            variable: option.text("variable")?.unwrap_or_default(),
            value_type: option.text("value_type")?.unwrap_or_default(),
            value_string: option.text("value_string")?.unwrap_or_default(),
            value_number: option.number("value_number")?.unwrap_or(0.0),
            value_length: option.integer("value_length")?.unwrap_or(0),
            false_target_id: option.id("false_target_id")?,
        })
    }

    /// `left` is the variable. An unknown operator or type, and text that is no number, are false.
    fn is_true(&self, left: &str) -> bool {
        let order: Option<Ordering> = match self.value_type {
            "" | "string" => Some(left.as_bytes().cmp(self.value_string.as_bytes())),
            "number" => decimal(left).and_then(|number| number.partial_cmp(&self.value_number)),
            "length" => Some((left.chars().count() as i64).cmp(&self.value_length)),
            _ => None,
        };
        self.condition.zip(order).is_some_and(|(condition, order)| condition.holds(order))
    }
}

/// The original text decides: with a `${` in it the field is the operand, otherwise it is a name (spec/actions.md
/// `condition_variable`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let is_operand = run.original_text("variable").is_some_and(|text| text.contains("${"));
    let left = if is_operand { options.variable.to_owned() } else { run.value(options.variable) };
    Ok(run.decide(options.is_true(&left), options.false_target_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_the_table() {
        for (option, left, expected) in [
            (json!({"condition": "==", "value_string": "vip"}), "vip", true),
            (json!({"condition": "==", "value_type": "string", "value_string": "vip"}), "Vip", false),
            (json!({"condition": "equal", "value_string": ""}), "", true),
            (json!({"condition": "==", "value_string": "1.0"}), "1", false),
            (json!({"condition": "!=", "value_string": "a"}), "b", true),
            (json!({"condition": "<", "value_string": "b"}), "a", true),
            (json!({"condition": ">", "value_string": "10"}), "9", true),
            (json!({"condition": ">", "value_string": "Z"}), "ä", true),
            (json!({"condition": ">", "value_type": "number", "value_number": 10}), "9", false),
            (json!({"condition": ">=", "value_type": "number", "value_number": "10"}), "10.0", true),
            (json!({"condition": "less_equal", "value_type": "number", "value_number": -1.5}), "-2e0", true),
            (json!({"condition": "==", "value_type": "number"}), "0", true),
            (json!({"condition": "==", "value_type": "number"}), "", false),
            (json!({"condition": "!=", "value_type": "number", "value_number": 1}), "x", false),
            (json!({"condition": "==", "value_type": "length", "value_length": 3}), "äöü", true),
            (json!({"condition": ">", "value_type": "length", "value_length": "0"}), "", false),
            (json!({"condition": "==", "value_type": "length"}), "", true),
            (json!({"condition": "==", "value_type": "LENGTH"}), "", false),
            (json!({"condition": "==", "value_type": "regex"}), "", false),
            (json!({"condition": "~", "value_string": "a"}), "a", false),
            (json!({"value_string": "a"}), "a", false),
        ] {
            let options = Options::read(&OptionReader::new(Some(&option)).unwrap()).unwrap();
            assert_eq!(options.is_true(left), expected, "{option} with {left:?}");
        }
    }
}
