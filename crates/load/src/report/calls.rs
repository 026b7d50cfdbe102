//! The figures and the table of a run of calls.

use serde::Serialize;
use serde_json::Value;

use super::{Demands, Report, Table, spread, to_value};
use crate::args::Mode;
use crate::plan::{Destination, Plan};
use crate::require::Requirement;
use crate::stats::{RoomStats, Stats};
use crate::watch::{RunFigures, ServerFigures};

#[derive(Serialize)]
struct Figures<'a> {
    settings: Settings,
    run: &'a RunFigures,
    #[serde(flatten)]
    stats: &'a Stats,
    server: &'a Option<ServerFigures>,
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

/// The report of calls.
pub(crate) fn of_calls(plan: &Plan, run: &RunFigures, stats: &Stats, server: &Option<ServerFigures>) -> Report {
    let figures = to_value(&Figures { settings: Settings::of(plan), run, stats, server });
    let mut table = table(plan, run, stats, server);
    let unasked = Requirement::not_asked_about(&plan.requirements, &figures);
    if !unasked.is_empty() {
        table.heading(&format!("FAULTS that --strict would not pass: {unasked}"));
    }
    let sabotage = plan.sabotage.as_ref();
    let demands = Demands {
        requirements: plan.requirements.clone(),
        sabotage: sabotage.map(|one| (one.description.name, one.detector(&plan.requirements))),
    };
    Report::new(figures, table, &demands, stats.calls.answered == 0)
}

/// The figures of no calls at all: their names.
pub(crate) fn blank_of_calls(plan: &Plan) -> Value {
    let (run, stats, server) = (RunFigures::default(), Stats::default(), Some(ServerFigures::default()));
    to_value(&Figures { settings: Settings::of(plan), run: &run, stats: &stats, server: &server })
}

impl Settings {
    fn of(plan: &Plan) -> Settings {
        Settings {
            target: match &plan.destination {
                Destination::Sip(targets) => match &targets[..] {
                    [first, others @ ..] if !others.is_empty() => format!("{} and {} more", first.uri, others.len()),
                    targets => targets.iter().map(|target| target.uri.as_str()).collect(),
                },
                Destination::Rtp { first, port_step } => format!("rtp {first} step {port_step}"),
            },
            mode: match plan.mode {
                Mode::Echo => "echo",
                Mode::Prompt => "prompt",
                Mode::Menu => "menu",
                Mode::Setup => "setup",
                Mode::Room => "room",
                Mode::Talk => "talk",
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

fn table(plan: &Plan, run: &RunFigures, stats: &Stats, server: &Option<ServerFigures>) -> Table {
    let mut table = Table::default();
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
    table
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
    if plan.mode == Mode::Talk {
        table.row("answer to first sound", spread(&media.first_sound));
    }
    if plan.mode == Mode::Room {
        room(table, &stats.room);
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

fn room(table: &mut Table, room: &RoomStats) {
    table.row("windows of 200 ms", format_args!("{} judged, {} tones of others heard", room.windows, room.heard));
    table.faults(&[
        ("tones missing", room.missing),
        ("tones too loud or too low", room.off_level),
        ("own tone heard", room.own),
        ("tones of nobody who talks", room.uninvited),
        ("silent frames", room.holes),
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
