//! Notes of control as log lines. Each line that concerns a call has its id.

use call::{Note, NoteKind};
use flow::What;
use model::HangupBy;

use super::outside::shown;

/// Writes one note.
pub(super) fn write(note: &Note) {
    let call_id = &note.call_id;
    match &note.kind {
        NoteKind::CallCreated { source, destination, remote, sip_call_id, flow_id } => {
            tracing::info!(%call_id, %remote, sip_call_id, %flow_id, "call from \"{source}\" to \"{destination}\"");
        }
        NoteKind::CallRefused { destination, remote, status, why } => {
            tracing::info!(%remote, status, "refused a call to {destination}: {why}");
        }
        NoteKind::Status(status) => tracing::debug!(%call_id, "the call is {}", status.as_str()),
        NoteKind::SessionChangeRefused { status, why } => {
            tracing::info!(%call_id, status, "a change of the session was refused: {why}");
        }
        NoteKind::ByeUnanswered => {
            tracing::info!(%call_id, "nobody answered our BYE: the far end may not know that the call is over");
        }
        NoteKind::Digit { digit, duration_ms } => tracing::debug!(%call_id, duration_ms, "key {digit}"),
        NoteKind::BargeIn => tracing::debug!(%call_id, "the caller speaks, and the speech ends"),
        NoteKind::Flow(entry) if entry.what == What::EndedByFailure => {
            tracing::warn!(
                %call_id, activeflow_id = %note.activeflow_id, step = entry.step, action_id = entry.action_id,
                "{} ended the flow: {}", entry.action_type, entry.reason
            );
        }
        NoteKind::Flow(entry) => {
            tracing::debug!(
                %call_id, activeflow_id = %note.activeflow_id, step = entry.step, action_id = entry.action_id,
                "{} {}{}{}", entry.action_type, entry.what.as_str(),
                if entry.reason.is_empty() { "" } else { ": " }, entry.reason
            );
        }
        NoteKind::SoundSkipped { url, why } => {
            let activeflow_id = &note.activeflow_id;
            tracing::warn!(%call_id, %activeflow_id, url = shown(url), "a sound was left out: {why}");
        }
        NoteKind::RecordingFailed { why } => tracing::error!(%call_id, "a recording failed: {why}"),
        NoteKind::OnCompleteSkipped { flow_id, why } => {
            tracing::warn!(%call_id, %flow_id, "the on-complete flow does not run: {why}");
        }
        NoteKind::CallEnded { by, reason, talked_ms, stats } => {
            let stats = stats.unwrap_or_default();
            tracing::info!(
                %call_id, talked_ms, sent = stats.sent_packets, received = stats.received_packets,
                lost = stats.lost_packets, jitter_ms = f64::from(stats.jitter_samples) / 8.0,
                round_trip_ms = stats.round_trip_us.map(|us| f64::from(us) / 1_000.0),
                "call ended by {}: {}", by_whom(*by), reason.as_str()
            );
        }
        NoteKind::Registered { extension, contact, remote, user_agent, until_us } => {
            // The note is written when the store has it.
            let seconds = (until_us.saturating_sub(note.at_us) + 500_000) / 1_000_000;
            tracing::info!(extension, remote, contact, user_agent, "a phone registered for {seconds} s");
        }
        NoteKind::Unregistered { extension, contact, remote, user_agent, why } => {
            tracing::info!(
                extension,
                remote,
                contact,
                user_agent,
                "a phone is not registered any more: {}",
                why.as_str()
            );
        }
        NoteKind::RegisterRefused { extension, remote, status, why } => {
            tracing::warn!(extension, %remote, status, "refused a registration: {why}");
        }
        NoteKind::WrongPassword { user, remote, method, why } => {
            // The name is a stranger's text.
            tracing::warn!(%remote, method, "refused somebody who says to be {user:?}: {why}");
        }
        NoteKind::CellPanicked { message } => {
            tracing::error!(%call_id, "a call was ended because its handler panicked: {message}");
        }
    }
}

fn by_whom(by: HangupBy) -> &'static str {
    match by {
        HangupBy::Local => "us",
        HangupBy::Remote => "the caller",
        HangupBy::None => "nobody",
    }
}
