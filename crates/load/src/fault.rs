//! Sabotage of what is not a call: one short list for each tool, with the figure that must notice each kind.

use std::fmt::Write as _;

use crate::args::ReportArgs;
use crate::error::{Error, usage};
use crate::report::Demands;
use crate::require::Requirement;

/// One kind of distortion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    pub name: &'static str,
    pub about: &'static str,
    /// The figure that must become larger than `limit`, unless the command line sets another limit.
    pub figure: &'static str,
    pub limit: f64,
}

/// A kind whose figure must be zero otherwise.
pub(crate) const fn fault(name: &'static str, about: &'static str, figure: &'static str) -> Fault {
    Fault { name, about, figure, limit: 0.0 }
}

/// The chosen kind; a run without sabotage has the empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sabotaged(Option<&'static str>);

impl Sabotaged {
    pub(crate) fn is(self, name: &str) -> bool {
        self.0 == Some(name)
    }
}

/// What a command line requires: its own requirements, with `--strict` also zero for each figure of `strict`.
pub(crate) fn demands(
    args: &ReportArgs,
    strict: &[&str],
    faults: &'static [Fault],
) -> Result<(Demands, Sabotaged), Error> {
    let own = args.require.iter().map(|text| Requirement::parse(text));
    let mut requirements: Vec<Requirement> = own.collect::<Result<_, _>>().map_err(Error::Usage)?;
    for figure in strict.iter().filter(|_| args.strict) {
        if !requirements.iter().any(|one| one.figure == *figure) {
            requirements.push(Requirement::at_most(figure, 0.0));
        }
    }
    let Some(name) = &args.sabotage else { return Ok((Demands { requirements, sabotage: None }, Sabotaged(None))) };
    let Some(chosen) = faults.iter().find(|fault| fault.name == name) else {
        return usage(format!("no sabotage `{name}`: see --sabotage list"));
    };
    let own = requirements.iter().find(|one| one.figure == chosen.figure && one.at_most).cloned();
    let detector = own.unwrap_or_else(|| Requirement::at_most(chosen.figure, chosen.limit));
    Ok((Demands { requirements, sabotage: Some((chosen.name, detector)) }, Sabotaged(Some(chosen.name))))
}

/// What `--sabotage list` prints.
pub(crate) fn list(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<19} {:<52} breaks {}<={}", fault.name, fault.about, fault.figure, fault.limit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: &[Fault] = &[fault("lose", "one is lost", "a.lost")];

    #[test]
    fn strict_adds_what_is_not_required_otherwise_and_sabotage_takes_its_limit_from_the_command_line() {
        let args = ReportArgs {
            strict: true,
            require: vec!["a.lost<=3".to_owned()],
            sabotage: Some("lose".to_owned()),
            ..ReportArgs::default()
        };
        let (demands, sabotaged) = demands(&args, &["a.lost", "a.late"], FAULTS).unwrap();
        assert_eq!(demands.requirements, [Requirement::at_most("a.lost", 3.0), Requirement::at_most("a.late", 0.0)]);
        assert_eq!(demands.sabotage, Some(("lose", Requirement::at_most("a.lost", 3.0))));
        assert!(sabotaged.is("lose") && !sabotaged.is("late"));
        assert!(list(FAULTS).contains("a.lost"));
    }

    #[test]
    fn a_kind_that_is_not_there_is_refused() {
        let args = ReportArgs { sabotage: Some("what".to_owned()), ..ReportArgs::default() };
        assert!(demands(&args, &[], FAULTS).unwrap_err().to_string().contains("what"));
    }
}
