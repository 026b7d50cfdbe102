//! What people are told about an action. The verifier, the names of the options and docs/actions all follow from this
//! one description, which stands beside the code that reads the options.

/// One action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// What it does; the first sentence also stands in the index. Markdown.
    pub(crate) does: &'static str,
    /// What the cursor waits for.
    pub(crate) waits: &'static str,
    /// What happens when it cannot be carried out.
    pub(crate) fails: &'static str,
    /// In the order in which people read them.
    pub(crate) options: &'static [Field],
    /// A whole flow in which it is used. It is verified by a test.
    pub(crate) example: &'static str,
}

/// One field of an option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) is: Type,
    /// Markdown.
    pub(crate) meaning: &'static str,
    pub(crate) absent: Absent,
    pub(crate) allowed: Allowed,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    /// An array of texts, or one text.
    Texts,
    Whole,
    /// A whole number of milliseconds.
    Ms,
    /// A whole number of seconds.
    Seconds,
    Wholes,
    Number,
    Boolean,
    /// The id of a resource.
    Uuid,
    /// The id of an action.
    Id,
    /// Ids of actions, by value.
    Ids,
    /// Indexes of actions, by value.
    Indexes,
    Any,
}

/// What holds when a field is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// This, in words.
    Default(&'static str),
    /// There is nothing useful to do then.
    Required,
    /// The same, unless that other field is there.
    RequiredUnless(&'static str),
}

/// Which values have an effect of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// All of the type.
    Anything,
    /// These texts.
    Of(&'static [&'static str]),
    /// These texts; upper and lower case are the same.
    OfAnyCase(&'static [&'static str]),
    /// Whole numbers from the first to the second.
    Range(i64, i64),
    /// Whole numbers from 0; what is below is taken for this.
    FromZero(&'static str),
}

impl Field {
    /// A field that may be absent and may hold anything of its type.
    pub(crate) const fn new(name: &'static str, is: Type, meaning: &'static str) -> Field {
        Field { name, is, meaning, absent: Absent::Default("none"), allowed: Allowed::Anything }
    }

    pub(crate) const fn default(mut self, what: &'static str) -> Field {
        self.absent = Absent::Default(what);
        self
    }

    pub(crate) const fn required(mut self) -> Field {
        self.absent = Absent::Required;
        self
    }

    pub(crate) const fn required_unless(mut self, other: &'static str) -> Field {
        self.absent = Absent::RequiredUnless(other);
        self
    }

    pub(crate) const fn allowed(mut self, allowed: Allowed) -> Field {
        self.allowed = allowed;
        self
    }
}

impl Type {
    /// For people.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Texts => "array of texts, or one text",
            Type::Whole => "whole number",
            Type::Ms => "whole number, ms",
            Type::Seconds => "whole number, s",
            Type::Wholes => "array of whole numbers",
            Type::Number => "number",
            Type::Boolean => "true or false",
            Type::Uuid => "UUID",
            Type::Id => "id of an action",
            Type::Ids => "object: value → id of an action",
            Type::Indexes => "object: value → index of an action, from 0",
            Type::Any => "any",
        }
    }
}

/// What every condition says about its target.
pub(super) const FALSE_TARGET: Field = Field::new(
    "false_target_id",
    Type::Id,
    "Where to go on when the condition is false. Without it the flow goes on with the next action either way.",
);

/// The operators that [`super::comparison::Comparison`] knows.
pub(super) const OPERATORS: Allowed = Allowed::Of(&[
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
]);

/// The failure rule of an action that the call carries out.
pub(super) const PASSED_OVER: &str =
    "An option that cannot be read is noted in the timeline, and the flow goes on with the next action.";

/// The failure rule of a condition.
pub(super) const TARGET_ENDS: &str = "A target that does not exist ends the flow, and the call is hung up; so does an \
    option that cannot be read.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::action::option::{ASKED, OptionReader};
    use crate::action::{Kind, about, check};

    #[test]
    fn the_fields_that_people_are_told_of_are_those_that_are_read() {
        for (kind, name, ..) in Kind::TABLE {
            ASKED.take();
            check(kind, &OptionReader::new(Some(&json!({}))).unwrap()).ok();
            let told: BTreeSet<String> = about(kind).options.iter().map(|field| field.name.to_owned()).collect();
            assert_eq!(told.len(), about(kind).options.len(), "{name}: a field is told of twice");
            assert_eq!(ASKED.take(), told, "{name}");
        }
    }

    #[test]
    fn a_field_that_is_not_of_its_type_cannot_be_read() {
        for (kind, name, ..) in Kind::TABLE {
            for field in about(kind).options {
                // Nothing keeps a call from being hung up.
                if field.is == Type::Any || kind == Kind::Hangup {
                    continue;
                }
                let option = json!({field.name: {"1": {}}});
                let error = check(kind, &OptionReader::new(Some(&option)).unwrap()).map_err(|error| error.key);
                let named = error.as_ref().is_err_and(|key| key.starts_with(field.name));
                assert!(named, "{name}.{}: {error:?}", field.name);
            }
        }
    }
}
