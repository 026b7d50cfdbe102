//! `condition_datetime`: compares the time of day, date and weekday, UTC.

use model::{CivilTime, Timestamp};

use super::about::{self, About, Allowed, Field, Type};
use super::comparison::Comparison;
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run};

pub(super) const ABOUT: About = About {
    does: "Goes on when the moment fits. All times are UTC. The units that are given are compared as one point in time, in the order month, day, hour, minute: `>=` with hour 9 is true from 09:00 on. Weekdays are tested first and by themselves.",
    waits: "Nothing: the flow goes on at once.",
    fails: about::TARGET_ENDS,
    options: &[
        Field::new(
            "condition",
            Type::Text,
            "How the moment (left) is compared with the option (right). Anything else is false.",
        )
        .default("false, unless only `weekdays` is given")
        .allowed(about::OPERATORS),
        Field::new("minute", Type::Whole, "The minute; −1 is any.").default("any").allowed(Allowed::Range(-1, 59)),
        Field::new("hour", Type::Whole, "The hour, UTC; −1 is any.").default("any").allowed(Allowed::Range(-1, 23)),
        Field::new("day", Type::Whole, "The day of the month; 0 or −1 is any.")
            .default("any")
            .allowed(Allowed::Range(-1, 31)),
        Field::new("month", Type::Whole, "The month; 0 or −1 is any.").default("any").allowed(Allowed::Range(-1, 12)),
        Field::new("weekdays", Type::Wholes, "The days on which it can be true: 0 is Sunday, 6 is Saturday.")
            .default("all"),
        about::FALSE_TARGET,
    ],
    example: r#"[
  { "type": "condition_datetime",
    "option": { "condition": ">=", "hour": 9, "weekdays": [1, 2, 3, 4, 5], "false_target_id": "closed" } },
  { "type": "condition_datetime", "option": { "condition": "<", "hour": 17, "false_target_id": "closed" } },
  { "type": "talk", "option": { "text": "We are open." } },
  { "type": "hangup" },
  { "id": "closed", "type": "talk", "option": { "text": "Please call again between nine and five." } }
]"#,
};

/// Options of `condition_datetime`.
pub(super) struct Options<'a> {
    condition: &'a str,
    minute: Option<i64>,
    hour: Option<i64>,
    day: i64,
    month: i64,
    weekdays: Vec<i64>,
    false_target_id: Option<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            condition: option.text("condition")?.unwrap_or_default(),
            minute: option.integer("minute")?,
            hour: option.integer("hour")?,
            day: option.integer("day")?.unwrap_or(0),
            month: option.integer("month")?.unwrap_or(0),
            weekdays: option.integers("weekdays")?,
            false_target_id: option.id("false_target_id")?,
        })
    }

    /// The units that are given, from the largest: (now, option).
    fn units(&self, now: &CivilTime) -> impl Iterator<Item = (i64, i64)> {
        let units = [
            (now.month, (self.month > 0).then_some(self.month)),
            (now.day, (self.day > 0).then_some(self.day)),
            (now.hour, self.hour.filter(|hour| *hour >= 0)),
            (now.minute, self.minute.filter(|minute| *minute >= 0)),
        ];
        units.into_iter().filter_map(|(now, wanted)| wanted.map(|wanted| (i64::from(now), wanted)))
    }

    fn weekday_fits(&self, now: &CivilTime) -> bool {
        self.weekdays.is_empty() || self.weekdays.contains(&i64::from(now.weekday))
    }

    /// One point in time against another, by the units that are given; without any only the weekdays count.
    fn is_true(&self, now: &CivilTime) -> bool {
        if !self.weekday_fits(now) {
            return false;
        }
        let (current, wanted): (Vec<i64>, Vec<i64>) = self.units(now).unzip();
        match Comparison::parse(self.condition) {
            Some(_) if wanted.is_empty() => true,
            Some(condition) => condition.holds(current.cmp(&wanted)),
            // An option with weekdays alone needs no operator; a wrong one is false.
            None => self.condition.is_empty() && wanted.is_empty(),
        }
    }

    /// As VoIPBIN does it: option CONDITION now, each unit for itself, hour and minute 0 when absent
    /// (`flow.datetime_legacy`).
    fn is_true_legacy(&self, now: &CivilTime) -> bool {
        let Some(condition) = Comparison::parse(self.condition) else { return false };
        let filled = Options {
            minute: Some(self.minute.unwrap_or(0)),
            hour: Some(self.hour.unwrap_or(0)),
            weekdays: Vec::new(),
            ..*self
        };
        self.weekday_fits(now) && filled.units(now).all(|(now, wanted)| condition.holds(wanted.cmp(&now)))
    }
}

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let now = Timestamp::from_us(run.now.wall_us).civil();
    let is_true = if run.settings.datetime_legacy { options.is_true_legacy(&now) } else { options.is_true(&now) };
    Ok(run.decide(is_true, options.false_target_id))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(option: &Value, at: &str) -> (bool, bool) {
        let options = Options::read(&OptionReader::new(Some(option)).unwrap()).unwrap();
        let now = Timestamp::parse(at).unwrap().civil();
        (options.is_true(&now), options.is_true_legacy(&now))
    }

    #[test]
    fn moments_are_compared_as_points_in_time() {
        // 2026-11-21 is a Saturday.
        for (option, at, expected) in [
            // The published business hours: from 09:00, before 17:00.
            (json!({"condition": ">=", "hour": 9, "minute": 0}), "2026-11-20T08:59:59Z", false),
            (json!({"condition": ">=", "hour": 9, "minute": 0}), "2026-11-20T09:00:00Z", true),
            (json!({"condition": ">=", "hour": 9, "minute": 30}), "2026-11-20T10:05:00Z", true),
            (json!({"condition": "<", "hour": 17, "minute": 0}), "2026-11-20T10:30:00Z", true),
            (json!({"condition": "<", "hour": 17, "minute": 0}), "2026-11-20T16:59:59Z", true),
            (json!({"condition": "<", "hour": 17, "minute": 0}), "2026-11-20T17:00:00Z", false),
            // An absent unit is any; an explicit 0 of hour and minute is zero.
            (json!({"condition": "==", "hour": 8}), "2026-11-20T08:00:00Z", true),
            (json!({"condition": "==", "hour": 8}), "2026-11-20T08:59:59Z", true),
            (json!({"condition": "==", "hour": 8}), "2026-11-20T09:00:00Z", false),
            (json!({"condition": "==", "hour": 8, "minute": -1}), "2026-11-20T08:30:00Z", true),
            (json!({"condition": "==", "hour": 8, "minute": 0}), "2026-11-20T08:30:00Z", false),
            (json!({"condition": "==", "hour": 0}), "2026-11-20T00:30:00Z", true),
            (json!({"condition": "==", "hour": 0}), "2026-11-20T12:30:00Z", false),
            (
                json!({"condition": ">=", "hour": 8, "minute": 0, "day": -1, "month": 0, "weekdays": []}),
                "2026-11-20T08:00:00Z",
                true,
            ),
            (json!({"condition": "==", "minute": 30}), "2026-11-20T23:30:10Z", true),
            // Month and day come before hour and minute.
            (json!({"condition": "<", "month": 12, "day": 24, "hour": 18}), "2026-12-24T17:59:00Z", true),
            (json!({"condition": "<", "month": 12, "day": 24, "hour": 18}), "2026-12-24T18:00:00Z", false),
            (json!({"condition": "<", "month": 12, "day": 24, "hour": 1}), "2026-12-01T18:00:00Z", true),
            (json!({"condition": ">", "month": 12, "day": 24}), "2026-12-24T23:59:59Z", false),
            (json!({"condition": ">", "month": 12, "day": 24}), "2026-12-25T00:00:00Z", true),
            (json!({"condition": "!=", "month": 12, "day": 25}), "2026-12-25T00:00:00Z", false),
            (json!({"condition": "<=", "day": "15", "hour": "0"}), "2026-12-15T00:59:59Z", true),
            // Weekdays: membership, whatever the operator.
            (json!({"weekdays": [6]}), "2026-11-21T12:00:00Z", true),
            (json!({"weekdays": [0, 6]}), "2026-11-22T12:00:00Z", true),
            (json!({"weekdays": [1, 2, 3, 4, 5]}), "2026-11-21T12:00:00Z", false),
            (json!({"condition": "!=", "weekdays": [6]}), "2026-11-21T12:00:00Z", true),
            (json!({"condition": ">=", "hour": 9, "weekdays": ["6"]}), "2026-11-21T12:00:00Z", true),
            (json!({"condition": ">=", "hour": 9, "weekdays": [1]}), "2026-11-21T12:00:00Z", false),
            // No units at all, unknown operators.
            (json!({}), "2026-11-21T12:00:00Z", true),
            (json!({"condition": "=="}), "2026-11-21T12:00:00Z", true),
            (json!({"condition": "sometimes"}), "2026-11-21T12:00:00Z", false),
            (json!({"condition": "sometimes", "hour": 12}), "2026-11-21T12:00:00Z", false),
            (json!({"hour": 12}), "2026-11-21T12:00:00Z", false),
            (json!({"condition": "greater_equal", "hour": 12}), "2026-11-21T12:00:00Z", true),
            (json!({"condition": "<", "hour": 99}), "2026-11-21T23:59:00Z", true),
        ] {
            assert_eq!(check(&option, at).0, expected, "{option} at {at}");
        }
    }

    #[test]
    fn the_legacy_switch_has_both_traps() {
        for (option, at, expected) in [
            // Reversed operands: true up to 08:59.
            (json!({"condition": ">=", "hour": 8, "minute": -1}), "2026-11-20T08:59:00Z", true),
            (json!({"condition": ">=", "hour": 8, "minute": -1}), "2026-11-20T09:00:00Z", false),
            // Each unit for itself: false at 10:30.
            (json!({"condition": ">", "hour": 17, "minute": 0}), "2026-11-20T10:30:00Z", false),
            // Absent hour and minute are 0.
            (json!({"condition": "==", "hour": 8}), "2026-11-20T08:30:00Z", false),
            (json!({"condition": "==", "hour": 8}), "2026-11-20T08:00:00Z", true),
            (json!({"condition": "==", "weekdays": [6]}), "2026-11-21T00:00:00Z", true),
            (json!({"condition": "==", "weekdays": [5]}), "2026-11-21T00:00:00Z", false),
            (json!({"condition": "", "weekdays": [6]}), "2026-11-21T00:00:00Z", false),
        ] {
            assert_eq!(check(&option, at).1, expected, "{option} at {at}");
        }
    }
}
