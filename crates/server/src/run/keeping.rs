//! The store: opened before anything else, and told what has ended when the process before this one did not end well.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{
    ActiveflowStatus, CallStatus, Confbridge, ConferenceStatus, ConferencecallStatus, HangupBy, HangupReason, LogBody,
    LogEntry, Particulars, RecordingStatus, Resource, Timestamp,
};
use serde_json::{Map, json};
use store::{LogConfig, Opened, Store, StoreConfig, Unfinished};
use uuid::Uuid;

use super::{StartError, conference_keeper, owed_flows};
use crate::config::Config;

/// Opens it and closes what had not ended. The bridges that were made by hand stay open: they come with it.
pub(super) fn open(config: &Config, now: Timestamp) -> Result<(Store, Vec<Confbridge>), StartError> {
    let Opened { store, unfinished, warnings, replayed } = Store::open(store_config(config))?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    if replayed > 0 {
        tracing::info!(entries = replayed, "the call records were brought up to date from the event log");
    }
    // Before what they follow is closed: a kill in between must not lose them.
    owed_flows::keep(&store, &unfinished, now)?;
    let (calls, flows, recordings) =
        (unfinished.calls.len(), unfinished.activeflows.len(), unfinished.recordings.len());
    let (mut entries, bridges) = closing(unfinished, &config.recordings_folder(), now);
    // The bridge of a conference stands over a good end, too: it is closed without a word.
    if calls + flows + recordings > 0 {
        tracing::warn!(
            calls,
            flows,
            recordings,
            "the server had ended in the midst of its work; what was up then is closed now"
        );
    }
    entries.extend(conference_keeper::catch_up(&store, now)?);
    if !entries.is_empty() {
        store.append_synced(entries)?;
    }
    Ok((store, bridges))
}

/// How long a disk that takes what it is given may need for the rest, in rounds of a second.
const SETTLE_ROUNDS: u32 = 60;
/// After so many rounds in which the disk refused, the end does not wait any longer.
const FAILING_ROUNDS: u32 = 3;

/// Waits until everything is written down.
///
/// # Errors
/// What could not be; the log that is on disk is sound all the same, and the next start goes on from there.
pub(super) async fn settle(store: Store) -> Result<(), StartError> {
    let settling = store.clone();
    let mut settled = tokio::task::spawn_blocking(move || settling.settle());
    let mut failing = 0;
    for _ in 0..SETTLE_ROUNDS {
        if let Ok(done) = tokio::time::timeout(Duration::from_secs(1), &mut settled).await {
            return done?.map_err(|error| format!("not everything could be written down: {error}").into());
        }
        failing += u32::from(!store.status().is_ready());
        if failing >= FAILING_ROUNDS {
            break;
        }
    }
    let problems = store.status().problems.join("; ");
    Err(format!("the last events could not be written down: {problems}").into())
}

pub(super) fn store_config(config: &Config) -> StoreConfig {
    let hard = config.store.log_mib.saturating_mul(4) << 20;
    StoreConfig {
        records_days: config.store.record_days,
        recordings: Some(config.recordings_folder()),
        log: LogConfig {
            sync_ms: config.store.sync_ms,
            retention_days: config.store.log_days,
            retention_octets: config.store.log_mib << 20,
            hard_octets: hard,
            ..LogConfig::default()
        },
        ..StoreConfig::new(&config.data_dir)
    }
}

/// Why everything that was up has ended.
const CAUSE: &str = "the server was restarted";

/// The entries that end what was up, in the order in which they would have come, and the bridges that go on.
fn closing(unfinished: Unfinished, recordings: &Path, now: Timestamp) -> (Vec<LogEntry>, Vec<Confbridge>) {
    let (mut entries, mut open) = (Vec::new(), Vec::new());
    let nil = Uuid::nil();
    for mut recording in unfinished.recordings {
        // Its files may not have been made yet.
        let begun = recording.status != RecordingStatus::Initiating;
        let files = recording.filenames.iter().map(|name| recordings.join(name));
        let samples = files.filter(|file| begun || file.exists()).map(|file| repaired_samples(&file)).max();
        recording.status = RecordingStatus::Ended;
        recording.duration_ms = samples.unwrap_or_default() / 8;
        recording.end_reason = CAUSE.into();
        (recording.tm_end, recording.tm_update) = (Some(now), Some(now));
        let ids = (recording.customer_id, recording.call_id(), recording.activeflow_id);
        entries.push(event("recording_finished", Resource::Recording(Arc::new(recording)), ids, now));
    }
    for mut call in unfinished.conferencecalls {
        call.status = ConferencecallStatus::Leaved;
        call.tm_update = Some(now);
        let ids = (call.customer_id, call.reference_id, call.activeflow_id);
        entries.push(event("conferencecall_leaved", Resource::Conferencecall(Arc::new(call)), ids, now));
    }
    for bridge in unfinished.confbridges {
        open.extend(emptied(bridge, now, &mut entries));
    }
    for mut activeflow in unfinished.activeflows {
        activeflow.status = ActiveflowStatus::Ended;
        activeflow.tm_update = Some(now);
        let call_id = match activeflow.reference_type {
            model::ReferenceType::Call => activeflow.reference_id,
            _ => nil,
        };
        let ids = (activeflow.customer_id, call_id, activeflow.id);
        entries.push(event("activeflow_updated", Resource::Activeflow(Arc::new(activeflow)), ids, now));
    }
    for record in unfinished.calls {
        let mut call = record.call;
        let ids = (call.customer_id, call.id, call.activeflow_id);
        let body =
            LogBody::Note { name: "server_restarted".into(), message: CAUSE.into(), data: Particulars::default() };
        let (customer_id, call_id, activeflow_id) = ids;
        entries.push(LogEntry { at_us: now.as_us(), customer_id, call_id, activeflow_id, body });
        call.status = CallStatus::Hangup;
        (call.hangup_by, call.hangup_reason) = (HangupBy::Local, HangupReason::Failed);
        (call.recording_id, call.confbridge_id) = (nil, nil);
        (call.tm_hangup, call.tm_update) = (Some(now), Some(now));
        entries.push(event("call_hangup", Resource::Call(Arc::new(call), record.action.map(Arc::new)), ids, now));
    }
    (entries, open)
}

/// A bridge whose calls are gone. It goes on if it was made by hand and nothing of its own ends it (spec/resources.md §7).
fn emptied(mut bridge: Confbridge, now: Timestamp, entries: &mut Vec<LogEntry>) -> Option<Confbridge> {
    let ids = (bridge.customer_id, Uuid::nil(), Uuid::nil());
    let left_one = bridge.ends_with_one_left() && bridge.channel_call_ids.len() > 1;
    if bridge.is_by_hand() {
        for (left, call_id) in bridge.left_by_all(Some(now)) {
            let mut entry = event("confbridge_leaved", Resource::Confbridge(Arc::new(left)), ids, now);
            if let LogBody::Event { extra, .. } = &mut entry.body {
                extra.insert("leaved_call_id".into(), json!(call_id));
            }
            entries.push(entry);
        }
    }
    bridge.channel_call_ids.clear();
    bridge.recording_id = Uuid::nil();
    if bridge.is_by_hand() && bridge.status == ConferenceStatus::Progressing && !left_one {
        return Some(bridge);
    }
    (bridge.status, bridge.tm_update) = (ConferenceStatus::Terminated, Some(now));
    entries.push(event("confbridge_terminated", Resource::Confbridge(Arc::new(bridge)), ids, now));
    None
}

fn event(name: &'static str, resource: Resource, ids: (Uuid, Uuid, Uuid), now: Timestamp) -> LogEntry {
    let (customer_id, call_id, activeflow_id) = ids;
    let body = LogBody::Event { name: name.into(), resource, extra: Map::new() };
    LogEntry { at_us: now.as_us(), customer_id, call_id, activeflow_id, body }
}

const WAV_HEADER_OCTETS: u64 = 44;

/// Makes the header of a file say what is there, and says how many samples that is.
fn repaired_samples(file: &Path) -> u64 {
    let samples = media_engine::repair_recording(file)
        .and_then(|_| std::fs::metadata(file))
        .map(|data| data.len().saturating_sub(WAV_HEADER_OCTETS) / 2);
    match samples {
        Ok(samples) => samples,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "a recording that was cut short cannot be read");
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Call, ConferenceType, Recording};
    use store::CallRecord;

    use super::*;

    #[test]
    fn what_was_up_is_closed_with_the_cause_and_the_call_last() {
        let call: Call = serde_json::from_value(serde_json::json!({
            "id": Uuid::from_u128(1), "customer_id": Uuid::nil(), "flow_id": Uuid::nil(),
            "activeflow_id": Uuid::from_u128(2), "type": "flow", "master_call_id": Uuid::nil(),
            "chained_call_ids": [], "owner_type": "", "owner_id": Uuid::nil(), "recording_id": Uuid::from_u128(3),
            "recording_ids": [], "groupcall_id": Uuid::nil(), "confbridge_id": Uuid::nil(), "mute_direction": "",
            "metadata": {}, "source": {"type": "tel", "target": "1"}, "destination": {"type": "tel", "target": "2"},
            "status": "progressing", "direction": "incoming", "hangup_by": "", "hangup_reason": "",
        }))
        .unwrap();
        let recording = Recording { id: Uuid::from_u128(3), reference_id: call.id, ..Recording::default() };
        let unfinished = Unfinished {
            calls: vec![CallRecord { call, action: None }],
            recordings: vec![recording],
            ..Unfinished::default()
        };
        let (entries, _) = closing(unfinished, Path::new("/nonexistent"), Timestamp::from_us(9));
        let names: Vec<String> = entries.iter().map(|entry| entry.to_timeline()["event_type"].to_string()).collect();
        assert_eq!(names, ["\"recording_finished\"", "\"server_restarted\"", "\"call_hangup\""]);
        let end = entries[2].to_event().unwrap();
        assert_eq!((&end["data"]["hangup_reason"], &end["data"]["status"]), (&"failed".into(), &"hangup".into()));
    }

    #[test]
    fn a_recording_is_closed_whatever_it_was_doing() {
        use RecordingStatus::{Initiating, Recording as Running, Stopping};
        let folder = std::env::temp_dir().join(format!("keeping-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // Sound of 100 ms; of one recording there is no file yet.
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(folder.join("there.wav"), spec).unwrap();
        (0..800_i16).for_each(|sample| file.write_sample(sample).unwrap());
        file.finalize().unwrap();
        for (status, file, length_ms) in [
            (Initiating, "none.wav", 0),
            (Initiating, "there.wav", 100),
            (Running, "there.wav", 100),
            (Stopping, "there.wav", 100),
        ] {
            let recording = Recording { status, filenames: vec![file.into()], ..Recording::default() };
            let unfinished = Unfinished { recordings: vec![recording], ..Unfinished::default() };
            let (entries, _) = closing(unfinished, &folder, Timestamp::from_us(9));
            let event = entries[0].to_event().unwrap();
            assert_eq!((entries.len(), &event["type"]), (1, &"recording_finished".into()));
            let data = &event["data"];
            assert_eq!((&data["status"], &data["end_reason"]), (&"ended".into(), &CAUSE.into()), "{status:?}");
            assert_eq!(data["duration_ms"], length_ms, "{status:?} {file}");
            assert_eq!(data["tm_end"], "1970-01-01T00:00:00.000009Z");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn bridges_by_hand_go_on_without_their_calls_unless_that_ends_them() {
        let calls = [Uuid::from_u128(7), Uuid::from_u128(8)];
        let closed = |calls: &[Uuid], change: fn(&mut Confbridge)| {
            let mut bridge = Confbridge { channel_call_ids: calls.to_vec(), ..Confbridge::default() };
            change(&mut bridge);
            let unfinished = Unfinished { confbridges: vec![bridge], ..Unfinished::default() };
            let (entries, open) = closing(unfinished, Path::new("/nonexistent"), Timestamp::from_us(9));
            assert!(open.iter().all(|bridge| bridge.channel_call_ids.is_empty()));
            let events = entries.iter().filter_map(LogEntry::to_event);
            let text = |event: serde_json::Value| {
                let name = event["type"].as_str().unwrap_or_default().trim_start_matches("confbridge_").to_owned();
                format!("{name} {}", event["data"]["channel_call_ids"].as_array().map_or(0, Vec::len))
            };
            (events.map(text).collect::<Vec<_>>().join(", "), !open.is_empty())
        };
        let connect = |bridge: &mut Confbridge| bridge.kind = ConferenceType::Connect;
        assert_eq!(closed(&[], |_| {}), (String::new(), true));
        assert_eq!(closed(&calls, |_| {}), ("leaved 1, leaved 0".into(), true));
        assert_eq!(closed(&calls[..1], connect), ("leaved 0".into(), true));
        assert_eq!(closed(&calls, connect), ("leaved 1, leaved 0, terminated 0".into(), false));
        let ending = |bridge: &mut Confbridge| bridge.status = ConferenceStatus::Terminating;
        assert_eq!(closed(&calls[..1], ending), ("leaved 0, terminated 0".into(), false));
        let of_conference = |bridge: &mut Confbridge| bridge.reference_type = "conference".into();
        assert_eq!(closed(&calls, of_conference), ("terminated 0".into(), false));
    }
}
