//! Received digits: the type-ahead buffer and the rule that ends `digits_receive` (spec/actions.md `digits_receive`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::variables::{DIGITS, Variables};

/// Most digits that one `digits_receive` collects, where it sets no length of its own.
pub(crate) const MAX_VALUE_DIGITS: usize = 1_000;

/// Digits that were pressed and not used yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digits {
    ahead: VecDeque<char>,
    /// Digits that found the buffer full.
    turned_away: u64,
}

impl Digits {
    /// Most unused digits of a call.
    pub(crate) const MAX_AHEAD: usize = 100;

    /// A digit that nobody waits for: it becomes the variable and waits in the buffer.
    pub(crate) fn keep(&mut self, digit: char, variables: &mut Variables) {
        variables.set_digits(digit.to_string());
        if self.ahead.len() < Self::MAX_AHEAD {
            self.ahead.push_back(digit);
        } else {
            self.turned_away += 1;
        }
    }

    /// Starts collecting: the variable is emptied and unused digits count first. True if they satisfy the rule; what
    /// is left stays for the next time.
    pub(crate) fn start(&mut self, rule: &DigitRule, variables: &mut Variables) -> bool {
        let mut value = String::new();
        let mut met = false;
        while !met {
            let Some(digit) = self.ahead.pop_front() else { break };
            value.push(digit);
            met = rule.is_met(&value);
        }
        variables.set_digits(value);
        met
    }

    /// A digit while collecting. True if the rule is met now.
    pub(crate) fn collect(digit: char, rule: &DigitRule, variables: &mut Variables) -> bool {
        let mut value = variables.get(DIGITS).unwrap_or_default().to_owned();
        value.push(digit);
        let met = rule.is_met(&value);
        variables.set_digits(value);
        met
    }

    /// Forgets unused digits.
    pub(crate) fn clear(&mut self) {
        self.ahead.clear();
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }
}

/// When enough digits were pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigitRule {
    /// This many; none = no test.
    pub(crate) length: Option<usize>,
    /// Any of these.
    pub(crate) keys: String,
}

impl DigitRule {
    fn is_met(&self, value: &str) -> bool {
        self.length.unwrap_or(MAX_VALUE_DIGITS).min(MAX_VALUE_DIGITS) <= value.len()
            || value.chars().any(|digit| self.keys.contains(digit))
    }
}

/// The digit as it is written: `0-9A-D*#`, none for anything else.
pub(crate) fn digit_of(key: char) -> Option<char> {
    let key = key.to_ascii_uppercase();
    matches!(key, '0'..='9' | 'A'..='D' | '*' | '#').then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_holds_a_hundred_digits_and_counts_the_rest() {
        let (mut digits, mut variables) = (Digits::default(), Variables::default());
        for _ in 0..Digits::MAX_AHEAD {
            digits.keep('1', &mut variables);
        }
        digits.keep('2', &mut variables);
        assert_eq!((digits.ahead.len(), digits.turned_away()), (100, 1));
        assert_eq!(variables.get(DIGITS), Some("2"), "the variable shows the last one all the same");
    }

    #[test]
    fn only_the_sixteen_keys_are_digits() {
        for (key, expected) in [
            ('0', Some('0')),
            ('9', Some('9')),
            ('a', Some('A')),
            ('D', Some('D')),
            ('*', Some('*')),
            ('#', Some('#')),
            ('e', None),
            (' ', None),
            ('٣', None),
        ] {
            assert_eq!(digit_of(key), expected);
        }
    }

    #[test]
    fn a_rule_without_a_length_still_ends() {
        let (mut digits, mut variables) = (Digits::default(), Variables::default());
        let rule = DigitRule { length: None, keys: "#".into() };
        assert!(!digits.start(&rule, &mut variables));
        for i in 1..=MAX_VALUE_DIGITS {
            assert_eq!(Digits::collect('1', &rule, &mut variables), i == MAX_VALUE_DIGITS);
        }
    }
}
