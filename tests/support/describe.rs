//! How things appear in a ladder: short, in the field's words, and without random text.

use bytes::Bytes;
use call::NoteKind;
use media_core::{Command, EchoMode, RecordingFact, RecordingSource};
use sip_core::Message;

/// A SIP message: its method or status, what it belongs to, and the essence of its SDP.
pub(crate) fn message(text: &[u8]) -> String {
    let Ok(message) = Message::parse_datagram(Bytes::copy_from_slice(text)) else {
        let head: String = String::from_utf8_lossy(text).chars().take(20).collect();
        return format!("(malformed: {head:?})");
    };
    let number = message.cseq().map_or(0, |cseq| cseq.number);
    let mut line = match message.status() {
        Some(status) => {
            let reason = message.reason().map(String::from_utf8_lossy).unwrap_or_default();
            format!("{status} {reason} ({number} {})", message.method())
        }
        None => {
            let uri = message.request_uri().unwrap_or_default();
            let user = uri.split('@').next().filter(|_| uri.contains('@')).unwrap_or("sip:");
            format!("{} {user} ({number})", message.method())
        }
    };
    let body = message.body();
    let body = String::from_utf8_lossy(&body);
    for wanted in ["o=", "c=", "m=", "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"] {
        for found in body.lines().filter(|line| line.starts_with(wanted)) {
            match wanted {
                // The session id is random; the version is what RFC 3264 §8 is about.
                "o=" => line.push_str(&format!(" | v{}", found.split(' ').nth(2).unwrap_or("?"))),
                "m=" => line.push_str(&format!(" {}", without_port(found))),
                _ => line.push_str(&format!(" {found}")),
            }
        }
    }
    line
}

/// Our ports depend on which stream was free; port 0 has a meaning.
fn without_port(media: &str) -> String {
    let words: Vec<&str> = media.split(' ').map(|word| word.parse::<u16>().map_or(word, |_| word)).collect();
    let port = match words.get(1) {
        Some(&"0") => "0",
        _ => "<port>",
    };
    format!("{} {port} {}", words[0], words.get(2..).unwrap_or_default().join(" "))
}

/// A media command; none: not worth a line.
pub(crate) fn command(command: &Command) -> Option<String> {
    Some(match command {
        Command::Open { config, .. } | Command::Configure { config, .. } => {
            let verb = if matches!(command, Command::Open { .. }) { "open" } else { "configure" };
            let events = config.telephone_event.map_or("none".into(), |types| types.send.to_string());
            format!(
                "{verb} stream to {} {:?} ptime {} events {events} send {} receive {}",
                config.remote_rtp, config.codec, config.ptime_ms, config.send, config.receive_enabled
            )
        }
        Command::Play { sound, barge_in, .. } => {
            format!("play sound {}{}", sound.0, if *barge_in { " until the party speaks" } else { "" })
        }
        Command::StopPlayback { .. } => "stop playback".into(),
        Command::Echo { mode: EchoMode::Off, .. } => "echo off".into(),
        Command::Echo { mode, .. } => format!("echo {mode:?}"),
        Command::SendDigits { digits, duration_ms, interval_ms, .. } => {
            format!("send digits {digits} {duration_ms} ms each, {interval_ms} ms apart")
        }
        Command::ForwardKey { digit, duration_ms, .. } => format!("forward key {digit} ({duration_ms} ms)"),
        Command::StartRecording { source, end_of_silence_ms, duration_ms, .. } => {
            let what = if matches!(source, RecordingSource::Room(_)) { " of the room" } else { "" };
            format!(
                "start recording{what}, at most {duration_ms} ms, until {end_of_silence_ms} ms of silence (0: no limit)"
            )
        }
        Command::StopRecording { source: RecordingSource::Room(_), .. } => "stop recording of the room".into(),
        Command::StopRecording { .. } => "stop recording".into(),
        // Its number depends on the loop that keeps the conference.
        Command::JoinRoom { .. } => "join room".into(),
        Command::LeaveRoom { .. } => "leave room".into(),
        Command::Close { .. } => "close stream".into(),
    })
}

/// What a recording reports.
pub(crate) fn recording(fact: &RecordingFact) -> String {
    match fact {
        RecordingFact::Started => "recording started".into(),
        RecordingFact::Ended { end, samples, .. } => format!("recording ended: {end:?} after {} ms", samples / 8),
    }
}

/// A note; none: not worth a line.
pub(crate) fn note(kind: &NoteKind) -> Option<String> {
    Some(match kind {
        NoteKind::CallCreated { destination, .. } => format!("call to {destination}"),
        NoteKind::CallRefused { status, why, .. } => format!("refused with {status}: {why}"),
        NoteKind::Status(status) => format!("status {}", status.as_str()),
        NoteKind::SessionChangeRefused { status, why } => format!("change refused with {status}: {why}"),
        NoteKind::ByeUnanswered => "nobody answered the BYE".into(),
        NoteKind::Digit { digit, duration_ms } => format!("digit {digit} ({duration_ms} ms)"),
        NoteKind::BargeIn => "the caller speaks".into(),
        NoteKind::SoundSkipped { url, why } => format!("skipped {url}: {why}"),
        NoteKind::CallEnded { by, reason, talked_ms, .. } => {
            format!("call ended by {by:?}, reason {}, talked {talked_ms} ms", reason.as_str())
        }
        NoteKind::Registered { extension, contact, remote, .. } => {
            format!("{extension} is at {contact}, from {remote}")
        }
        NoteKind::Unregistered { extension, contact, why, .. } => {
            format!("{extension} is not at {contact} any more: {}", why.as_str())
        }
        NoteKind::RegisterRefused { extension, status, why, .. } => {
            format!("registration of {extension} refused with {status}: {why}")
        }
        NoteKind::WrongPassword { user, remote, method, why } => {
            format!("{method} of \"{user}\" from {remote}: {why}")
        }
        NoteKind::CellPanicked { message } => format!("cell panicked: {message}"),
        NoteKind::Flow(entry) => {
            let why = if entry.reason.is_empty() { String::new() } else { format!(": {}", entry.reason) };
            format!("flow {} {} {}{why}", entry.step, entry.action_type, entry.what.as_str())
        }
        NoteKind::RecordingFailed { why } => format!("recording failed: {why}"),
        NoteKind::OnCompleteSkipped { why, .. } => format!("on-complete flow skipped: {why}"),
    })
}
