//! What a run found: every figure as JSON, a table for people, and what was required.

mod calls;

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, usage};
use crate::histogram::Histogram;
use crate::require::{Outcome, Requirement, figure};

pub(crate) use calls::{blank_of_calls, of_calls};

/// The figures of a run and what was required of them.
#[derive(Clone, Debug)]
pub struct Report {
    value: Value,
    text: String,
    unmet: Vec<String>,
    empty: bool,
}

/// What must hold of a run, and what must not because it was sabotaged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    pub requirements: Vec<Requirement>,
    /// The sabotage's name, and the requirement that must break by it.
    pub sabotage: Option<(&'static str, Requirement)>,
}

impl Demands {
    /// Refuses a requirement on a figure that no report has; `blank` is a report of nothing.
    pub(crate) fn check_names(&self, blank: &Value) -> Result<(), Error> {
        let unknown = self.requirements.iter().find(|one| figure(blank, &one.figure).is_none());
        match unknown {
            Some(one) => usage(format!("the report has no figure `{}`; --json shows all", one.figure)),
            None => Ok(()),
        }
    }
}

/// The JSON of figures.
pub(crate) fn to_value(figures: &impl Serialize) -> Value {
    serde_json::to_value(figures).expect("the figures are numbers, texts and maps with text keys")
}

impl Report {
    /// Judges `figures`, which is an object. `empty`: nothing at all was measured.
    pub(crate) fn new(mut figures: Value, table: Table, demands: &Demands, empty: bool) -> Report {
        let outcomes: Vec<Outcome> = demands.requirements.iter().map(|one| one.check(&figures)).collect();
        let mut unmet: Vec<String> = outcomes.iter().filter(|one| !one.met).map(sentence).collect();
        let sabotage = demands.sabotage.as_ref().map(|(kind, detector)| {
            let Outcome { value, met, .. } = detector.check(&figures);
            let is_fired = !met && value.is_some();
            let fired = if is_fired { "its detector fired" } else { "ITS DETECTOR DID NOT FIRE" };
            let told = value.map_or("unknown".to_owned(), number);
            unmet.push(format!("sabotage {kind}: {fired}: {detector} is {told}"));
            json!({ "kind": kind, "detector": detector.to_string(), "value": value, "fired": is_fired })
        });
        let mut table = table;
        for sentence in &unmet {
            table.heading(&format!("NOT MET  {sentence}"));
        }
        if unmet.is_empty() && !outcomes.is_empty() {
            table.heading(&format!("all {} requirements met", outcomes.len()));
        }
        let object = figures.as_object_mut().expect("the figures are an object");
        object.insert("requirements".to_owned(), to_value(&outcomes));
        object.insert("sabotage".to_owned(), to_value(&sabotage));
        Report { value: figures, text: table.0, unmet, empty }
    }

    /// Every figure, by name.
    pub fn json(&self) -> &Value {
        &self.value
    }

    /// One figure by its dotted name, such as `media.echo_delay.p99_ms`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        figure(&self.value, name)
    }

    /// What was required and is not so, each as a sentence. A sabotaged run always has one: it is no valid measurement.
    pub fn unmet(&self) -> &[String] {
        &self.unmet
    }

    /// Whether the detector of a sabotaged run fired; `None` if nothing was sabotaged.
    pub fn detector_fired(&self) -> Option<bool> {
        self.value.get("sabotage")?.get("fired")?.as_bool()
    }

    /// Whether nothing at all could be measured: no call was answered, no file was found.
    pub fn is_empty(&self) -> bool {
        self.empty
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn sentence(outcome: &Outcome) -> String {
    let value = outcome.value.map_or("there is no such figure".to_owned(), |value| format!("it is {}", number(value)));
    format!("required {}: {value}", outcome.requirement)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// A histogram in one line.
pub(crate) fn spread(histogram: &Histogram) -> String {
    if histogram.count() == 0 {
        return "none measured".to_owned();
    }
    let [p50, p99] = [50.0, 99.0].map(|percent| histogram.percentile_ms(percent));
    format!("p50 {p50:.2} ms   p99 {p99:.2} ms   max {:.2} ms   ({} measured)", histogram.max_ms(), histogram.count())
}

/// Rows of a name and a text, under headings.
#[derive(Default)]
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn heading(&mut self, text: &str) {
        self.line(format_args!("{text}"));
    }

    pub(crate) fn row(&mut self, name: &str, text: impl fmt::Display) {
        self.line(format_args!("  {name:<22} {text}"));
    }

    /// Faults are told apart by name and left out where there is none.
    pub(crate) fn faults(&mut self, faults: &[(&str, u64)]) {
        let told: Vec<String> =
            faults.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
        self.row("faults", if told.is_empty() { "none".to_owned() } else { told.join(", ") });
    }

    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{text}");
    }
}
