//! What is counted of registrations, and its report.

use serde::Serialize;
use serde_json::{Value, json};

use crate::args::RegisterArgs;
use crate::histogram::Histogram;
use crate::meter::ServerUse;
use crate::notes::Notes;
use crate::report::{Demands, Report, Table, spread, to_value};

/// The figures under `register.`
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Users of this run.
    pub users: u64,
    /// Requests sent, repetitions not counted.
    pub sent: u64,
    /// First registrations that were accepted and list the contact.
    pub accepted: u64,
    /// Refreshes that were accepted.
    pub refreshed: u64,
    /// Removals that were accepted.
    pub removed: u64,
    /// Requests that were asked for credentials.
    pub challenged: u64,
    /// Of those: the nonce had become too old.
    pub stale: u64,
    /// Users with the right password that were refused.
    pub refused: u64,
    /// Users with a wrong password that were refused, as they should be.
    pub wrong_refused: u64,
    /// Users with a wrong password that were let in.
    pub wrong_accepted: u64,
    /// 200s that do not list the contact of the request.
    pub unlisted: u64,
    /// 200s to removals that still list it.
    pub still_listed: u64,
    /// 200s that give no time at all, or more than two hours.
    pub wrong_expires: u64,
    /// Challenges that cannot be answered.
    pub unanswerable: u64,
    /// Requests without response.
    pub timed_out: u64,
    /// Requests sent again (Timer E).
    pub repeated: u64,
    /// Responses to no request of this run.
    pub strays: u64,
    /// Datagrams that are no SIP message.
    pub malformed: u64,
    /// Datagrams that the kernel dropped on our sockets.
    pub kernel_dropped: u64,
    /// Sends that the kernel refused.
    pub send_errors: u64,
    /// First REGISTER sent until the kernel had the 200, the challenge included.
    pub first: Histogram,
    /// The same of refreshes.
    pub refresh: Histogram,
    /// The same of removals.
    pub remove: Histogram,
    /// First registrations per second, from the first request to the last 200.
    pub first_per_second: f64,
    /// Refreshes per second.
    pub refresh_per_second: f64,
    /// KiB by which the server grew with each registration.
    pub kib_per_registration: f64,
    /// Seconds by which requests were sent later than planned, at most.
    pub late_s: f64,
    /// The first few of what went wrong, in words.
    pub notes: Notes,
}

/// The figures of nothing: their names.
pub(crate) fn blank() -> Value {
    json!({ "register": Figures::default(), "server": ServerUse::default() })
}

pub(crate) fn report(args: &RegisterArgs, figures: &Figures, server: &Option<ServerUse>, demands: &Demands) -> Report {
    let settings = json!({
        "registrar": args.registrar, "rate": args.rate, "refresh_rate": args.refresh_rate, "duration_s": args.duration,
        "expires_s": args.expires, "wrong_password_percent": args.wrong_password,
    });
    let value = json!({ "settings": settings, "register": to_value(figures), "server": server });
    let mut table = Table::default();
    table.heading(&format!("{} ({} users)", args.registrar, figures.users));
    table.row(
        "registrations",
        format_args!(
            "{} accepted, {} refreshes, {} removals, {} challenges, {} wrong passwords refused",
            figures.accepted, figures.refreshed, figures.removed, figures.challenged, figures.wrong_refused
        ),
    );
    table.row(
        "per second",
        format_args!("{:.1} first, {:.1} refreshes", figures.first_per_second, figures.refresh_per_second),
    );
    table.row("first (with challenge)", spread(&figures.first));
    table.row("refresh", spread(&figures.refresh));
    if figures.remove.count() > 0 {
        table.row("removal", spread(&figures.remove));
    }
    table.faults(&[
        ("refused", figures.refused),
        ("wrong password accepted", figures.wrong_accepted),
        ("contact not listed", figures.unlisted),
        ("removed contact listed", figures.still_listed),
        ("wrong expiry", figures.wrong_expires),
        ("challenge cannot be answered", figures.unanswerable),
        ("without response", figures.timed_out),
        ("repeated", figures.repeated),
        ("nonce too old", figures.stale),
        ("of no request", figures.strays),
        ("no SIP", figures.malformed),
        ("dropped by our kernel", figures.kernel_dropped),
        ("sends refused", figures.send_errors),
    ]);
    if let Some(server) = server {
        table.row(
            "server",
            format_args!(
                "{:.0} ms of processor time, {} KiB before, {} peak, {} after: {:.2} KiB per registration",
                server.cpu_ms,
                server.before.rss_kib,
                server.peak.rss_kib,
                server.after.rss_kib,
                figures.kib_per_registration
            ),
        );
    }
    figures.notes.tell(&mut table);
    Report::new(value, table, demands, figures.accepted + figures.wrong_refused == 0)
}
