//! Requirements on figures of the report: `media.foreign<=0`, `calls.answered>=1000`.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::args::LimitArgs;

/// The figures that `--strict` wants to be zero: each tells of a fault in signalling or sound, or that we lost something.
const STRICT: &[&str] = &[
    "calls.failed",
    "sip.malformed",
    "sip.strays",
    "sip.kernel_dropped",
    "media.lost_by_server",
    "media.kernel_dropped",
    "media.duplicates",
    "media.reordered",
    "media.altered",
    "media.foreign",
    "media.foreign_source",
    "media.malformed",
    "media.wrong_payload_type",
    "media.ssrc_changes",
    "media.sequence_gaps",
    "media.sequence_jumps",
    "media.sequence_late",
    "media.sequence_duplicates",
    "media.timestamp_errors",
    "room.missing",
    "room.off_level",
    "room.own",
    "room.uninvited",
    "room.holes",
    "own.frames_skipped",
    "own.send_errors",
];

/// A limit on one figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Requirement {
    pub figure: String,
    /// At most `limit`; otherwise at least.
    pub at_most: bool,
    pub limit: f64,
}

/// How a requirement came out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub requirement: String,
    /// `None`: the report has no such figure.
    pub value: Option<f64>,
    pub met: bool,
}

impl Requirement {
    pub(crate) fn at_most(figure: &str, limit: f64) -> Requirement {
        Requirement { figure: figure.to_owned(), at_most: true, limit }
    }

    pub(crate) fn at_least(figure: &str, limit: f64) -> Requirement {
        Requirement { at_most: false, ..Requirement::at_most(figure, limit) }
    }

    /// Reads `figure<=limit` or `figure>=limit`.
    pub(crate) fn parse(text: &str) -> Result<Requirement, String> {
        let wrong = || format!("`{text}` is not of the form FIGURE<=LIMIT or FIGURE>=LIMIT");
        let (figure, limit, at_most) = match (text.split_once("<="), text.split_once(">=")) {
            (Some((figure, limit)), None) => (figure, limit, true),
            (None, Some((figure, limit))) => (figure, limit, false),
            _ => return Err(wrong()),
        };
        let limit: f64 = limit.trim().parse().map_err(|_| wrong())?;
        if !limit.is_finite() || figure.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Requirement { figure: figure.trim().to_owned(), at_most, limit })
    }

    /// All requirements of a command line: a limit given by name or by `--require` goes before that of `--strict`. That no call
    /// fails is required unless another limit is given.
    pub(crate) fn of(limits: &LimitArgs) -> Result<Vec<Requirement>, String> {
        let named = [
            ("calls.failed", true, limits.max_failures),
            ("media.lost_by_server", true, limits.max_loss),
            ("media.on_time_percent", false, limits.min_on_time),
            ("media.echo_delay.p99_ms", true, limits.max_echo_p99_ms),
            ("media.first_sound.p99_ms", true, limits.max_first_sound_p99_ms),
            ("sip.setup.p99_ms", true, limits.max_setup_p99_ms),
            ("own.generator_late_percent", true, limits.max_generator_late),
            ("server.cpu_ms_per_call_second", true, limits.max_cpu_per_call_second_ms),
            ("server.cpu_ms_per_call", true, limits.max_cpu_per_call_ms),
            ("server.kib_per_call", true, limits.max_kib_per_call),
        ];
        let mut all: Vec<Requirement> =
            limits.require.iter().map(|text| Requirement::parse(text)).collect::<Result<_, _>>()?;
        for (figure, at_most, limit) in named {
            all.extend(limit.map(|limit| Requirement { at_most, ..Requirement::at_most(figure, limit) }));
        }
        for figure in STRICT {
            let wanted = limits.strict || *figure == "calls.failed";
            if wanted && !all.iter().any(|requirement| requirement.figure == *figure) {
                all.push(Requirement::at_most(figure, 0.0));
            }
        }
        Ok(all)
    }

    /// The faults in `report` that none of `requirements` is about, each with its number; empty if there is none.
    pub(crate) fn not_asked_about(requirements: &[Requirement], report: &Value) -> String {
        let unasked = STRICT.iter().filter(|name| !requirements.iter().any(|one| one.figure == **name));
        let found =
            unasked.filter_map(|name| figure(report, name).filter(|count| *count > 0.0).map(|count| (name, count)));
        found.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// Compares with the figures of `report`.
    pub(crate) fn check(&self, report: &Value) -> Outcome {
        let value = figure(report, &self.figure);
        let met = value.is_some_and(|value| if self.at_most { value <= self.limit } else { value >= self.limit });
        Outcome { requirement: self.to_string(), value, met }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.figure, if self.at_most { "<=" } else { ">=" }, self.limit)
    }
}

/// The number at a dotted path.
pub(crate) fn figure(report: &Value, path: &str) -> Option<f64> {
    path.split('.').try_fold(report, |value, name| value.get(name))?.as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_requirement_is_met_up_to_and_with_its_limit() {
        let report = json!({ "media": { "echo": { "p99_ms": 3.0 } } });
        for (text, met) in [
            ("media.echo.p99_ms<=3", true),
            ("media.echo.p99_ms <= 2.9", false),
            ("media.echo.p99_ms>=3", true),
            ("media.echo.p99_ms>=3.1", false),
            ("media.echo<=3", false),
            ("media.nothing<=3", false),
        ] {
            assert_eq!(Requirement::parse(text).unwrap().check(&report).met, met, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_requirement_is_refused() {
        for text in ["", "a", "a<3", "a<=b", "<=3", "a<=NaN", "a<=1>=0"] {
            assert!(Requirement::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_own_limit_goes_before_that_of_strict() {
        let limits = LimitArgs { strict: true, max_loss: Some(7.0), ..LimitArgs::default() };
        let all = Requirement::of(&limits).unwrap();
        let losses: Vec<_> = all.iter().filter(|one| one.figure == "media.lost_by_server").collect();
        assert_eq!(losses, [&Requirement::at_most("media.lost_by_server", 7.0)]);
        assert_eq!(all.len(), STRICT.len());
    }
}
