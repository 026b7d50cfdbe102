//! The Prometheus text format, version 0.0.4, written from numbers that others keep.
//!
//! Own code instead of a metrics crate: those keep a registry with their own copies of every number, but ours lie in
//! the workers' and loops' counters already and only need to be written down when somebody asks.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Something that has numbers to show.
pub trait MetricsSource: Send + Sync {
    /// Writes all numbers as they are now. Must not wait.
    fn collect(&self, out: &mut MetricsText);
}

/// Collects the numbers of all sources; its `Display` is the text format. Samples of one name end up together, however
/// many sources wrote them.
#[derive(Debug, Default)]
pub struct MetricsText {
    families: Vec<FamilyText>,
}

#[derive(Debug)]
struct FamilyText {
    name: Cow<'static, str>,
    kind: &'static str,
    help: Cow<'static, str>,
    samples: String,
}

impl MetricsText {
    /// The media type of the text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// What every name begins with.
    pub const PREFIX: &'static str = "flowswitch_";

    /// A number that goes up and down. `name` is written without [`MetricsText::PREFIX`] and ends with its unit.
    pub fn gauge(&mut self, name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Family<'_> {
        self.family(name.into(), "gauge", help.into())
    }

    /// A number that only grows. `name` ends with `_total`.
    pub fn counter(&mut self, name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Family<'_> {
        let name = name.into();
        assert!(name.ends_with("_total"), "the counter {name} does not end with _total");
        self.family(name, "counter", help.into())
    }

    /// Counted values by size: add them by [`Family::distribution`].
    pub fn histogram(&mut self, name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Family<'_> {
        self.family(name.into(), "histogram", help.into())
    }

    fn family(&mut self, name: Cow<'static, str>, kind: &'static str, help: Cow<'static, str>) -> Family<'_> {
        assert!(is_name(&name), "{name} is no metric name");
        assert!(!name.starts_with(Self::PREFIX), "{name} would begin twice with the prefix");
        let index = self.families.iter().position(|family| family.name == name).unwrap_or_else(|| {
            self.families.push(FamilyText { name, kind, help, samples: String::new() });
            self.families.len() - 1
        });
        assert!(self.families[index].kind == kind, "{} is of two kinds", self.families[index].name);
        Family { text: &mut self.families[index] }
    }
}

/// One name, to which samples are added.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut FamilyText,
}

impl Family<'_> {
    /// The one sample of a name without labels.
    pub fn value(self, value: impl Into<Number>) {
        self.sample(&[], value);
    }

    /// A sample with labels, such as `[("lane", "new_work")]`. Chains.
    pub fn sample(mut self, labels: &[(&str, &str)], value: impl Into<Number>) -> Self {
        self.line("", labels, None, value.into());
        self
    }

    /// A distribution: `buckets` holds pairs of an upper bound and how many values fell *between it and the bound
    /// before*, in rising order; `above` is how many exceeded the last bound; `sum` is of all values. Chains.
    pub fn distribution(mut self, labels: &[(&str, &str)], buckets: &[(f64, u64)], above: u64, sum: f64) -> Self {
        assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0), "bounds rise");
        let mut count = 0u64;
        for (bound, within) in buckets {
            count = count.saturating_add(*within);
            self.line("_bucket", labels, Some(*bound), count.into());
        }
        count = count.saturating_add(above);
        self.line("_bucket", labels, Some(f64::INFINITY), count.into());
        self.line("_sum", labels, None, sum.into());
        self.line("_count", labels, None, count.into());
        self
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<f64>, value: Number) {
        let FamilyText { name, samples: out, .. } = &mut *self.text;
        out.push_str(MetricsText::PREFIX);
        out.push_str(name);
        out.push_str(suffix);
        let mut separator = '{';
        for (label, value) in labels {
            assert!(is_name(label), "{label} is no label name");
            out.push(separator);
            out.push_str(label);
            out.push_str("=\"");
            escape(value, true, out);
            out.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            out.push(separator);
            out.push_str("le=\"");
            Number::Real(bound).write_to(out);
            out.push('"');
            separator = ',';
        }
        if separator == ',' {
            out.push('}');
        }
        out.push(' ');
        value.write_to(out);
        out.push('\n');
    }
}

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Counts.
    Whole(u64),
    /// Below zero.
    Signed(i64),
    /// Seconds, ratios.
    Real(f64),
}

impl Number {
    fn write_to(self, out: &mut String) {
        let written = match self {
            Number::Whole(number) => write!(out, "{number}"),
            Number::Signed(number) => write!(out, "{number}"),
            Number::Real(number) if number.is_nan() => out.write_str("NaN"),
            Number::Real(number) if number.is_infinite() => out.write_str(if number > 0.0 { "+Inf" } else { "-Inf" }),
            Number::Real(number) => write!(out, "{number}"),
        };
        written.expect("a String takes everything");
    }
}

macro_rules! number_from {
    ($($kind:ty => $variant:ident),*) => {
        $(impl From<$kind> for Number {
            fn from(number: $kind) -> Number {
                Number::$variant(number.into())
            }
        })*
    };
}
number_from!(u8 => Whole, u16 => Whole, u32 => Whole, u64 => Whole, bool => Whole, i32 => Signed, i64 => Signed, f64 => Real);

impl From<usize> for Number {
    fn from(number: usize) -> Number {
        Number::Whole(number as u64)
    }
}

impl fmt::Display for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FamilyText { name, kind, help, samples } in &self.families {
            let mut escaped = String::new();
            escape(help, false, &mut escaped);
            writeln!(f, "# HELP {}{name} {escaped}", Self::PREFIX)?;
            writeln!(f, "# TYPE {}{name} {kind}", Self::PREFIX)?;
            f.write_str(samples)?;
        }
        Ok(())
    }
}

/// Backslash and line feed are escaped everywhere, the quote in labels only.
fn escape(text: &str, label: bool, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if label => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

/// Our names: lower case, digits, underscores, a letter first.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_stand_together_below_one_head() {
        let mut text = MetricsText::default();
        let turned_away = |text: &mut MetricsText, lane: &str, count: u64| {
            text.counter("turned_away_total", "Inputs refused").sample(&[("lane", lane)], count);
        };
        turned_away(&mut text, "new_work", 3);
        text.gauge("calls", "Calls that are up").value(2u32);
        turned_away(&mut text, "api", 0);
        assert_eq!(
            text.to_string(),
            "# HELP flowswitch_turned_away_total Inputs refused\n\
             # TYPE flowswitch_turned_away_total counter\n\
             flowswitch_turned_away_total{lane=\"new_work\"} 3\n\
             flowswitch_turned_away_total{lane=\"api\"} 0\n\
             # HELP flowswitch_calls Calls that are up\n\
             # TYPE flowswitch_calls gauge\n\
             flowswitch_calls 2\n"
        );
    }

    #[test]
    fn a_distribution_is_written_with_counts_that_add_up() {
        let mut text = MetricsText::default();
        let buckets = [(0.005, 7), (0.05, 2)];
        text.histogram("setup_seconds", "Set-up").distribution(&[("kind", "in")], &buckets, 1, 0.75);
        let lines = text.to_string();
        assert_eq!(
            lines.lines().skip(2).collect::<Vec<_>>(),
            [
                "flowswitch_setup_seconds_bucket{kind=\"in\",le=\"0.005\"} 7",
                "flowswitch_setup_seconds_bucket{kind=\"in\",le=\"0.05\"} 9",
                "flowswitch_setup_seconds_bucket{kind=\"in\",le=\"+Inf\"} 10",
                "flowswitch_setup_seconds_sum{kind=\"in\"} 0.75",
                "flowswitch_setup_seconds_count{kind=\"in\"} 10",
            ]
        );
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        let mut text = MetricsText::default();
        text.gauge("info", "a\\b\nc\"d").sample(&[("version", "a\\b\nc\"d")], 1u8);
        assert_eq!(
            text.to_string(),
            "# HELP flowswitch_info a\\\\b\\nc\"d\n# TYPE flowswitch_info gauge\n\
             flowswitch_info{version=\"a\\\\b\\nc\\\"d\"} 1\n"
        );
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let cases = [
            (Number::Whole(u64::MAX), "18446744073709551615"),
            (Number::Signed(-3), "-3"),
            (Number::Real(0.25), "0.25"),
            (Number::Real(f64::NAN), "NaN"),
            (Number::Real(f64::NEG_INFINITY), "-Inf"),
        ];
        for (number, expected) in cases {
            let mut out = String::new();
            number.write_to(&mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    #[should_panic(expected = "does not end with _total")]
    fn a_counter_without_total_is_a_mistake_that_tests_find() {
        MetricsText::default().counter("calls", "Calls").value(1u8);
    }
}
