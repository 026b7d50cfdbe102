//! What a control loop has to tell, on its way to the event log: gathered for one round of the loop, then handed over.

use call::{Note, NoteKind};
use crossbeam_channel::Sender;
use model::{Conference, LogBody, LogEntry, Resource};
use serde_json::{Map, Value, json};
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
    pub(super) fn note(&mut self, note: &Note) {
        if let Some(body) = body(&note.kind) {
            let Note { at_us, customer_id, call_id, activeflow_id, .. } = *note;
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
fn body(kind: &NoteKind) -> Option<LogBody> {
    let (name, message, data) = match kind {
        // These have events of their own, or became no call.
        NoteKind::CallRefused { .. } | NoteKind::Status(_) | NoteKind::Digit { .. } => return None,
        // These concern no call.
        NoteKind::Registered { .. }
        | NoteKind::Unregistered { .. }
        | NoteKind::RegisterRefused { .. }
        | NoteKind::WrongPassword { .. } => return None,
        NoteKind::CallCreated { remote, sip_call_id, .. } => {
            ("sip_invite", String::new(), json!({"remote": remote.to_string(), "sip_call_id": sip_call_id}))
        }
        NoteKind::SessionChangeRefused { status, why } => ("session_refused", why.clone(), json!({"status": status})),
        NoteKind::Flow(entry) => {
            let data = json!({
                "action_id": entry.action_id, "action_type": entry.action_type, "step": entry.step,
            });
            return Some(note(&format!("action_{}", entry.what.as_str()), entry.reason.clone(), data));
        }
        NoteKind::SoundSkipped { url, why } => ("sound_skipped", why.clone(), json!({"url": url})),
        NoteKind::RecordingFailed { why } => ("recording_failed", why.clone(), json!({})),
        NoteKind::OnCompleteSkipped { flow_id, why } => ("flow_skipped", why.clone(), json!({"flow_id": flow_id})),
        NoteKind::CallEnded { talked_ms, stats, .. } => {
            let stats = stats.unwrap_or_default();
            let data = json!({
                "talked_ms": talked_ms, "sent_packets": stats.sent_packets, "received_packets": stats.received_packets,
                "lost_packets": stats.lost_packets, "jitter_ms": f64::from(stats.jitter_samples) / 8.0,
            });
            ("media_totals", String::new(), data)
        }
        NoteKind::CellPanicked { message } => ("handler_panicked", message.clone(), json!({})),
    };
    Some(note(name, message, data))
}

fn note(name: &str, message: String, data: Value) -> LogBody {
    let data = match data {
        Value::Object(data) => data,
        _ => Map::new(),
    };
    LogBody::Note { name: name.to_owned(), message, data }
}
