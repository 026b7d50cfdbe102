//! What a run found: every figure as JSON, and a table for people.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use crate::args::Mode;
use crate::histogram::Histogram;
use crate::plan::{Destination, Plan};
use crate::require::{Outcome, Requirement, figure};
use crate::stats::Stats;
use crate::watch::{RunFigures, ServerFigures};

/// The figures of a run and what was required of them.
#[derive(Clone, Debug)]
pub struct Report {
    value: Value,
    text: String,
    unmet: Vec<String>,
}

#[derive(Serialize)]
struct Figures<'a> {
    settings: Settings,
    run: &'a RunFigures,
    #[serde(flatten)]
    stats: &'a Stats,
    server: &'a Option<ServerFigures>,
    requirements: Vec<Outcome>,
    sabotage: Option<Sabotaged>,
}

#[derive(Serialize)]
struct Settings {
    target: String,
    mode: &'static str,
    calls: u32,
    rate: f64,
    duration_s: f64,
    hold_ms: Option<u64>,
    from_ip: String,
    threads: u32,
}

#[derive(Serialize)]
struct Sabotaged {
    kind: &'static str,
    detector: String,
    value: Option<f64>,
    fired: bool,
}

impl Report {
    pub(crate) fn new(plan: &Plan, run: &RunFigures, stats: &Stats, server: &Option<ServerFigures>) -> Report {
        let mut figures =
            Figures { settings: Settings::of(plan), run, stats, server, requirements: Vec::new(), sabotage: None };
        let plain = to_value(&figures);
        figures.requirements = plan.requirements.iter().map(|requirement| requirement.check(&plain)).collect();
        figures.sabotage = plan.sabotage.as_ref().map(|sabotage| {
            let detector = sabotage.detector(&plan.requirements);
            let outcome = detector.check(&plain);
            Sabotaged {
                kind: sabotage.description.name,
                detector: detector.to_string(),
                value: outcome.value,
                fired: !outcome.met && outcome.value.is_some(),
            }
        });
        let mut unmet: Vec<String> = figures.requirements.iter().filter(|one| !one.met).map(sentence).collect();
        if let Some(sabotage) = &figures.sabotage {
            let fired = if sabotage.fired { "its detector fired" } else { "ITS DETECTOR DID NOT FIRE" };
            let value = sabotage.value.map_or("unknown".to_owned(), number);
            unmet.push(format!("sabotage {}: {fired}: {} is {value}", sabotage.kind, sabotage.detector));
        }
        let text = table(plan, run, stats, server, &unmet);
        Report { value: to_value(&figures), text, unmet }
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
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The names of all figures a report can have, to refuse requirements on any other before the run.
pub(crate) fn knows(requirement: &Requirement, plan: &Plan) -> bool {
    let (run, stats, server) = (RunFigures::default(), Stats::default(), Some(ServerFigures::default()));
    let blank = Figures {
        settings: Settings::of(plan),
        run: &run,
        stats: &stats,
        server: &server,
        requirements: Vec::new(),
        sabotage: None,
    };
    figure(&to_value(&blank), &requirement.figure).is_some()
}

fn to_value(figures: &Figures<'_>) -> Value {
    serde_json::to_value(figures).expect("the figures are numbers, texts and maps with text keys")
}

impl Settings {
    fn of(plan: &Plan) -> Settings {
        Settings {
            target: match &plan.destination {
                Destination::Sip(target) => target.uri.clone(),
                Destination::Rtp { first, port_step } => format!("rtp {first} step {port_step}"),
            },
            mode: match plan.mode {
                Mode::Echo => "echo",
                Mode::Prompt => "prompt",
                Mode::Menu => "menu",
                Mode::Setup => "setup",
            },
            calls: plan.calls,
            rate: plan.rate,
            duration_s: plan.duration_ns as f64 / 1e9,
            hold_ms: plan.hold_ns.map(|ns| ns / 1_000_000),
            from_ip: plan.from_ip.to_string(),
            threads: plan.threads,
        }
    }
}

fn sentence(outcome: &Outcome) -> String {
    let value = outcome.value.map_or("there is no such figure".to_owned(), |value| format!("it is {}", number(value)));
    format!("required {}: {value}", outcome.requirement)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn spread(histogram: &Histogram) -> String {
    if histogram.count() == 0 {
        return "none measured".to_owned();
    }
    let [p50, p99] = [50.0, 99.0].map(|percent| histogram.percentile_ms(percent));
    format!("p50 {p50:.2} ms   p99 {p99:.2} ms   max {:.2} ms   ({} measured)", histogram.max_ms(), histogram.count())
}

/// Rows of a name and a text, under headings.
struct Table(String);

impl Table {
    fn heading(&mut self, text: &str) {
        self.line(format_args!("{text}"));
    }

    fn row(&mut self, name: &str, text: impl fmt::Display) {
        self.line(format_args!("  {name:<22} {text}"));
    }

    /// Faults are told apart by name and left out where there is none.
    fn faults(&mut self, faults: &[(&str, u64)]) {
        let told: Vec<String> =
            faults.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
        self.row("faults", if told.is_empty() { "none".to_owned() } else { told.join(", ") });
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{text}");
    }
}

fn table(plan: &Plan, run: &RunFigures, stats: &Stats, server: &Option<ServerFigures>, unmet: &[String]) -> String {
    let mut table = Table(String::new());
    let settings = Settings::of(plan);
    table.heading(&format!("{} ({}), from {}", settings.target, settings.mode, settings.from_ip));
    let calls = &stats.calls;
    table.row(
        "calls",
        format_args!(
            "{} started, {} answered, {} completed, {} failed, {} cut short by the end, at most {} at once",
            calls.started, calls.answered, calls.completed, calls.failed, calls.cut_short, run.peak_calls
        ),
    );
    table.row("time", format_args!("{:.1} s in all, {:.1} s with all calls up", run.whole.seconds, run.steady.seconds));
    if plan.has_sip() {
        signalling(&mut table, stats);
    }
    if plan.mode != Mode::Setup {
        sound(&mut table, plan, stats);
    }
    own(&mut table, run, stats);
    if let Some(server) = server {
        server_rows(&mut table, server);
    }
    for (failure, count, examples) in stats.failures.iter() {
        table.heading(&format!("{count} calls: {failure}"));
        for example in examples {
            table.line(format_args!("    {example}"));
        }
    }
    for sentence in unmet {
        table.heading(&format!("NOT MET  {sentence}"));
    }
    if unmet.is_empty() && !plan.requirements.is_empty() {
        table.heading(&format!("all {} requirements met", plan.requirements.len()));
    }
    table.0
}

fn signalling(table: &mut Table, stats: &Stats) {
    let sip = &stats.sip;
    table.heading("signalling");
    table.row("set-up (INVITE, 200)", spread(&sip.setup));
    table.row("first response", spread(&sip.first_response));
    if sip.bye.count() > 0 {
        table.row("BYE, 200", spread(&sip.bye));
    }
    table.row("BYEs of the server", sip.server_byes);
    table.faults(&[
        ("INVITE repeated", sip.invite_repeated),
        ("BYE repeated", sip.bye_repeated),
        ("cancelled", sip.cancelled),
        ("200 came again", sip.answer_repeated),
        ("server's BYE came again", sip.server_bye_repeated),
        ("other requests", sip.other_requests),
        ("of no call", sip.strays),
        ("no SIP", sip.malformed),
        ("dropped by our kernel", sip.kernel_dropped),
    ]);
}

fn sound(table: &mut Table, plan: &Plan, stats: &Stats) {
    let media = &stats.media;
    table.heading("sound");
    table.row("packets", format_args!("{} sent, {} received, {} RTCP", media.sent, media.received, media.rtcp));
    if plan.mode == Mode::Echo {
        table.row("came back", format_args!("{} frames of their own call, once each", media.returned));
        table.row("echo delay", spread(&media.echo_delay));
    }
    table.row(
        "lost",
        format_args!(
            "{} by the server ({} in all, {} of them before the first came back, {} dropped by our kernel)",
            media.lost_by_server, media.lost, media.lost_at_start, media.kernel_dropped
        ),
    );
    table.row("on time (20 ± 5 ms)", format_args!("{:.3} %", media.on_time_percent));
    table.row("interarrival", spread(&media.interarrival));
    if media.first_packet.count() > 0 {
        table.row("answer to first packet", spread(&media.first_packet));
    }
    if plan.tone_hz.is_some() {
        table.row("tone", format_args!("{} frames had it", media.tone_frames));
        if plan.mode == Mode::Menu {
            table.row("digits to tone", spread(&media.tone_delay));
        }
    }
    table.row(
        "besides",
        format_args!(
            "{} silent, {} events, {} talkspurts, {} after the end",
            media.silence, media.events, media.talkspurts, media.after_end
        ),
    );
    table.faults(&[
        ("duplicates", media.duplicates),
        ("reordered", media.reordered),
        ("altered", media.altered),
        ("of another call", media.foreign),
        ("from another address", media.foreign_source),
        ("malformed", media.malformed),
        ("wrong payload type", media.wrong_payload_type),
        ("SSRC changes", media.ssrc_changes),
        ("sequence gaps", media.sequence_gaps),
        ("sequence jumps", media.sequence_jumps),
        ("sequence late", media.sequence_late),
        ("sequence duplicates", media.sequence_duplicates),
        ("timestamp errors", media.timestamp_errors),
    ]);
}

fn own(table: &mut Table, run: &RunFigures, stats: &Stats) {
    let own = &stats.own;
    table.heading("the caller itself");
    table.row(
        "processor",
        format_args!(
            "{:.3} ms per call and second, busiest thread {:.0} % of one processor",
            run.own_cpu_ms_per_call_second, own.busiest_thread_percent
        ),
    );
    if own.lateness.count() > 0 {
        table.row("lateness of sending", spread(&own.lateness));
        table.row(
            "generator late",
            format_args!("{} packets more than 5 ms ({:.3} %)", own.generator_late, own.generator_late_percent),
        );
    }
    if own.held_back_s > 0.0 {
        table.row("held back", format_args!("{:.1} s: --calls were up and --rate could not be kept", own.held_back_s));
    }
    if own.frames_skipped + own.send_errors > 0 {
        table.row("left out", format_args!("{} frames, {} sends refused", own.frames_skipped, own.send_errors));
    }
    if run.clock_stepped_ms > 1.0 {
        table.row("clock stepped", format_args!("by {:.1} ms: delays are wrong by as much", run.clock_stepped_ms));
    }
}

fn server_rows(table: &mut Table, server: &ServerFigures) {
    table.heading("the server's process");
    table.row(
        "processor",
        format_args!(
            "{:.3} ms per call and second, {:.3} ms per call made",
            server.cpu_ms_per_call_second, server.cpu_ms_per_call
        ),
    );
    let (before, peak, after) = (&server.before, &server.peak, &server.after);
    table.row(
        "resident memory",
        format_args!(
            "{} KiB before, {} peak, {} after ({:.1} KiB per call)",
            before.rss_kib, peak.rss_kib, after.rss_kib, server.kib_per_call
        ),
    );
    table.row(
        "descriptors",
        format_args!("{} before, {} peak, {} after", before.descriptors, peak.descriptors, after.descriptors),
    );
    table.row("threads", format_args!("{} before, {} peak, {} after", before.threads, peak.threads, after.threads));
    if server.vanished {
        table.row("VANISHED", "the process ended during the run");
    }
}
