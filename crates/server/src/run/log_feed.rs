//! What a control loop has to tell, on its way to the event log: gathered for one round of the loop, then handed over.

use call::{Note, NoteKind};
use crossbeam_channel::Sender;
use flow::What;
use model::{Conference, LogBody, LogEntry, Particulars, Resource};
use store::Store;

/// One loop's way to the store. No method waits.
pub(super) struct LogFeed {
    store: Store,
    /// Conferences that changed by themselves, on their way to the database.
    conferences: Sender<Conference>,
    gathered: Vec<LogEntry>,
}

impl LogFeed {
    pub(super) fn new(store: Store, conferences: Sender<Conference>) -> LogFeed {
        LogFeed { store, conferences, gathered: Vec::new() }
    }

    /// An event.
    pub(super) fn event(&mut self, entry: LogEntry) {
        if let LogBody::Event { resource: Resource::Conference(conference), .. } = &entry.body {
            // Its far end is as long-lived as the process.
            let _ = self.conferences.send((**conference).clone());
        }
        self.gathered.push(entry);
    }

    /// A note, if timelines show it.
    pub(super) fn note(&mut self, note: Note) {
        let Note { at_us, customer_id, call_id, activeflow_id, kind } = note;
        if let Some(body) = body(kind) {
            self.gathered.push(LogEntry { at_us, customer_id, call_id, activeflow_id, body });
        }
    }

    /// Hands over what was gathered.
    pub(super) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.store.append(std::mem::take(&mut self.gathered));
        }
    }
}

/// A note as timelines show it; none for what an event says already, or what belongs to no call.
fn body(kind: NoteKind) -> Option<LogBody> {
    let (name, message, data) = match kind {
        // These have events of their own, or became no call.
        NoteKind::CallRefused { .. } | NoteKind::Status(_) | NoteKind::Digit { .. } => return None,
        // These concern no call.
        NoteKind::Registered { .. }
        | NoteKind::Unregistered { .. }
        | NoteKind::RegisterRefused { .. }
        | NoteKind::WrongPassword { .. } => return None,
        NoteKind::CallCreated { remote, sip_call_id, .. } => {
            let data = [("remote", remote.to_string().into()), ("sip_call_id", sip_call_id.into())];
            ("sip_invite", String::new(), Particulars::from(data))
        }
        NoteKind::ByeUnanswered => ("bye_unanswered", String::new(), Particulars::default()),
        NoteKind::SessionChangeRefused { status, why } => {
            ("session_refused", why, Particulars::from([("status", status.into())]))
        }
        NoteKind::Flow(entry) => {
            let data = [
                ("action_id", entry.action_id.into()),
                ("action_type", entry.action_type.into()),
                ("step", entry.step.into()),
            ];
            (action_name(entry.what), entry.reason, Particulars::from(data))
        }
        NoteKind::BargeIn => ("barge_in", "the caller spoke".to_owned(), Particulars::default()),
        NoteKind::SoundSkipped { url, why } => ("sound_skipped", why, Particulars::from([("url", url.into())])),
        NoteKind::RecordingFailed { why } => ("recording_failed", why, Particulars::default()),
        NoteKind::OnCompleteSkipped { flow_id, why } => {
            ("flow_skipped", why, Particulars::from([("flow_id", flow_id.to_string().into())]))
        }
        NoteKind::CallEnded { talked_ms, stats, .. } => {
            let stats = stats.unwrap_or_default();
            let data = [
                ("talked_ms", talked_ms.into()),
                ("sent_packets", stats.sent_packets.into()),
                ("received_packets", stats.received_packets.into()),
                ("lost_packets", stats.lost_packets.into()),
                ("jitter_ms", (f64::from(stats.jitter_samples) / 8.0).into()),
            ];
            ("media_totals", String::new(), Particulars::from(data))
        }
        NoteKind::CellPanicked { message } => ("handler_panicked", message, Particulars::default()),
    };
    Some(LogBody::Note { name: name.into(), message, data })
}

fn action_name(what: What) -> &'static str {
    match what {
        What::Started => "action_started",
        What::Skipped => "action_skipped",
        What::Jumped => "action_jumped",
        What::Failed => "action_failed",
        What::VariableRefused => "action_variable_refused",
        What::Ended | What::EndedByFailure => "action_ended",
    }
}
