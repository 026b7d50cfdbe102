//! The operators of conditions.

use std::cmp::Ordering;

/// `==`, `!=`, `>`, `>=`, `<`, `<=` and their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Comparison {
    /// None for anything else: such a condition is false (spec/actions.md `condition_datetime`).
    pub(super) fn parse(text: &str) -> Option<Comparison> {
        Some(match text {
            "==" | "equal" => Comparison::Equal,
            "!=" | "not_equal" => Comparison::NotEqual,
            ">" | "greater" => Comparison::Greater,
            ">=" | "greater_equal" => Comparison::GreaterEqual,
            "<" | "less" => Comparison::Less,
            "<=" | "less_equal" => Comparison::LessEqual,
            _ => return None,
        })
    }

    /// Whether it holds for operands that are in this order.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterEqual => order.is_ge(),
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_and_its_name_hold_for_the_same_orders() {
        for (symbol, name, expected) in [
            ("==", "equal", [false, true, false]),
            ("!=", "not_equal", [true, false, true]),
            (">", "greater", [false, false, true]),
            (">=", "greater_equal", [false, true, true]),
            ("<", "less", [true, false, false]),
            ("<=", "less_equal", [true, true, false]),
        ] {
            assert_eq!(Comparison::parse(symbol), Comparison::parse(name));
            let comparison = Comparison::parse(symbol).unwrap();
            let orders = [Ordering::Less, Ordering::Equal, Ordering::Greater];
            assert_eq!(orders.map(|order| comparison.holds(order)), expected, "{symbol}");
        }
        assert_eq!(Comparison::parse("="), None);
    }
}
