//! What the built server keeps, whatever ends it: a kill, a signal, a damaged file, a second server beside it.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by unwrap, its helpers as well

mod callers;
mod confbridges;
mod conferences;
mod follow_ups;
mod reload;
mod rest;
mod server;
mod witness;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callers::{Callers, register};
use model::{
    Activeflow, ActiveflowStatus, CallStatus, HangupReason, LogBody, LogEntry, Recording, RecordingReference,
    RecordingStatus, Resource,
};
use server::{Folder, spoil};
use store::{Accepted, CallRecord, Filter, Page, Record, Store};
use uuid::Uuid;
use witness::Witness;

fn entries(store: &Store) -> Vec<Accepted> {
    store.read_from(1, usize::MAX).unwrap()
}

fn records<R: Record>(store: &Store) -> Vec<R> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page { size: 100, token };
        let listed = store.records(None, &Filter::default(), &page).unwrap();
        all.extend(listed.items);
        token = listed.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

/// Ids of the calls by the SIP Call-ID of their INVITE, as their timelines tell.
fn by_sip_call_id(entries: &[Accepted]) -> BTreeMap<String, Uuid> {
    let ids = entries.iter().filter_map(|accepted| match &accepted.entry.body {
        LogBody::Note { name, data, .. } if name == "sip_invite" => {
            Some((data.get("sip_call_id")?.as_str()?.to_owned(), accepted.entry.call_id))
        }
        _ => None,
    });
    ids.collect()
}

fn is_event(entry: &Accepted, wanted: &str) -> bool {
    matches!(&entry.entry.body, LogBody::Event { name, .. } if name == wanted)
}

/// All files of a recording can be read by others, and their headers say what is in them. The longest one's length, ms.
fn recorded_ms(folder: &Folder, recording: &Recording) -> u64 {
    let files = if recording.reference_type == RecordingReference::Call { 2 } else { 1 };
    assert_eq!(recording.filenames.len(), files, "{recording:?}");
    let length = |name: &String| {
        let path = folder.data().join("recordings").join(name);
        let reader = hound::WavReader::open(&path).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 8_000, 16), "{name}");
        let samples = u64::from(reader.len());
        assert_eq!(fs::metadata(&path).unwrap().len(), 44 + 2 * samples, "{name}: the header does not fit");
        assert_eq!(reader.into_samples::<i16>().filter(Result::is_ok).count() as u64, samples, "{name}");
        samples / 8
    };
    recording.filenames.iter().map(length).max().unwrap()
}

#[test]
fn a_killed_server_loses_nothing_accepted_and_closes_what_was_up() {
    // A disk that is busy with others' work at the very moment says nothing about the window of 50 ms.
    let judged = (0..4).any(|round| kill_under_load(&format!("killed-{round}")));
    assert!(judged, "in every round nothing was accepted in the last 30 ms: the disk is busy, or events come late");
}

/// One round; whether the window could be judged.
fn kill_under_load(name: &str) -> bool {
    let folder = Folder::new(name);
    let server = folder.start();
    let witness = Witness::new(&folder);
    let contact = "sip:1000@127.0.0.2:5999";
    register(folder.sip, Some(contact));
    let mut callers = Callers::new(folder.sip);
    callers.call("record", 10);
    (0..10).for_each(|_| callers.invite("short"));
    callers.call("wait", 170);
    for sequence in 0..50 {
        callers.talk("record", sequence);
        callers.listen(Duration::from_millis(20));
    }
    assert_eq!(callers.up(), 180, "the short ones have ended");
    // The kill comes while calls come.
    for _ in 0..25 {
        callers.invite("wait");
        callers.listen(Duration::from_millis(6));
    }
    let killed = Instant::now();
    server.kill();
    let witnessed = witness.all();
    cut_short(&folder);
    assert!(witnessed.len() > 500, "only {} events were witnessed", witnessed.len());

    let server = folder.start();
    assert!(folder.log().contains("what was up then is closed now"), "{}", folder.log());
    assert!(register(folder.sip, None).contains(contact), "the phone is not registered any more");
    server.ends_cleanly();

    let opened = folder.open();
    assert!(opened.unfinished.is_empty(), "{:?}", opened.unfinished);
    let store = opened.store;
    let entries = entries(&store);
    assert!(entries.iter().map(|accepted| accepted.seq).eq(1..=store.accepted_seq()), "a number is missing");
    let mut kept = entries.iter().filter_map(|accepted| accepted.entry.to_event());
    for (_, event) in &witnessed {
        assert!(kept.any(|kept| kept == *event), "accepted, and gone or out of order: {event}");
    }

    let ids = by_sip_call_id(&entries);
    let last_witnessed = witnessed.last().unwrap().0;
    let judged = killed.saturating_duration_since(last_witnessed) < Duration::from_millis(30);
    for (sip_call_id, attempt) in &callers.calls {
        let Some(answered) = attempt.answered else { continue };
        let is_old = killed.saturating_duration_since(answered) > Duration::from_millis(50);
        let id = ids.get(sip_call_id).copied().unwrap_or_default();
        let known = |name| entries.iter().any(|entry| entry.entry.call_id == id && is_event(entry, name));
        if judged && is_old {
            assert!(known("call_progressing"), "answered {:?} before the kill, and nobody knows", killed - answered);
        }
        if id.is_nil() {
            continue;
        }
        let record = store.record::<CallRecord>(id).unwrap().unwrap();
        assert_eq!(record.call.status, CallStatus::Hangup);
        let timeline = store.timeline(id).unwrap();
        let restarts = timeline.iter().filter(|accepted| match &accepted.entry.body {
            LogBody::Note { name, .. } => name == "server_restarted",
            LogBody::Event { .. } | LogBody::Change { .. } => false,
        });
        let was_up = !attempt.ended;
        assert_eq!(restarts.count(), usize::from(was_up), "{timeline:?}");
        assert_eq!(record.call.hangup_reason == HangupReason::Failed, was_up, "{record:?}");
        assert_eq!(
            entries.iter().filter(|entry| entry.entry.call_id == id && is_event(entry, "call_hangup")).count(),
            1
        );
    }
    assert!(records::<Activeflow>(&store).iter().all(|flow| flow.status == ActiveflowStatus::Ended));

    let recordings: Vec<Recording> = records(&store);
    assert_eq!(recordings.len(), 10);
    for recording in &recordings {
        assert_eq!(
            (recording.status, recording.end_reason.as_str()),
            (RecordingStatus::Ended, "the server was restarted")
        );
        let length_ms = recorded_ms(&folder, recording);
        assert!(length_ms > 800, "more than 200 ms of sound are lost: {length_ms}");
        assert_eq!(recording.duration_ms, length_ms);
    }
    assert_eq!(store.all_bindings().unwrap().len(), 1);
    judged
}

/// As a kill leaves a recording in the midst of a write: sound that the header does not know of, and half a sample.
fn cut_short(folder: &Folder) {
    let mut files: Vec<_> =
        fs::read_dir(folder.data().join("recordings")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 20);
    fs::File::options().append(true).open(&files[0]).unwrap().write_all(&[1; 321]).unwrap();
}

/// Asked for and not begun, told to stop and not complete: what stands in between in the records is ended by the next start.
#[test]
fn a_kill_while_a_recording_begins_or_stops_leaves_it_ended() {
    let folder = Folder::new("between");
    let server = folder.start();
    let mut callers = Callers::new(folder.sip);
    callers.call("record", 1);
    for sequence in 0..50 {
        callers.talk("record", sequence);
        callers.listen(Duration::from_millis(20));
    }
    let shows = |status: &str| folder.get("/v1.0/recordings").contains(&format!("\"status\":\"{status}\""));
    assert!(shows("recording"), "{}", folder.get("/v1.0/recordings"));
    // While the beep is heard, half a second long. On a busy machine it may be over before anybody has looked.
    let seen = (0..20).any(|_| {
        callers.call("beep", 1);
        shows("initiating")
    });
    server.kill();
    assert!(seen, "nobody ever saw a recording begin");

    // The moment between a wish to stop and complete files is too short to be met, so it is written down by hand.
    let store = folder.open().store;
    let running =
        records::<Recording>(&store).into_iter().find(|recording| recording.status == RecordingStatus::Recording);
    let stopping = Recording { status: RecordingStatus::Stopping, ..running.unwrap() };
    let template = entries(&store).pop().unwrap().entry;
    let body = LogBody::Change { resource: Resource::Recording(Arc::new(stopping.clone())) };
    store.append_synced(vec![LogEntry { body, ..template }]).unwrap();
    store.settle().unwrap();
    drop(store);
    let before: Vec<Recording> = folder.open().unfinished.recordings;
    assert!(before.contains(&stopping));
    assert!(before.iter().any(|recording| recording.status == RecordingStatus::Initiating));

    folder.start().ends_cleanly();
    let opened = folder.open();
    assert!(opened.unfinished.recordings.is_empty());
    for recording in records::<Recording>(&opened.store) {
        assert_eq!((recording.status, &*recording.end_reason), (RecordingStatus::Ended, "the server was restarted"));
        assert!(recording.tm_end.is_some());
        match recording.tm_start {
            Some(_) => assert_eq!(recording.duration_ms, recorded_ms(&folder, &recording)),
            None => assert_eq!(recording.duration_ms, 0, "{recording:?}"),
        }
    }
    assert!(records::<Recording>(&opened.store).iter().any(|r| r.id == stopping.id && r.duration_ms > 800));
}

#[test]
fn damaged_data_is_refused_with_the_way_out_and_repaired_when_asked() {
    let folder = Folder::new("damaged");
    let server = folder.start();
    register(folder.sip, Some("sip:1000@127.0.0.2:5999"));
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 20);
    server.ends_cleanly_while(&mut callers);
    let (segment, database) = (folder.segments().remove(0), folder.data().join("flowswitch.sqlite"));
    let middle = |path| usize::try_from(fs::metadata(path).unwrap().len() / 2).unwrap() / 4096 * 4096;
    for (path, at, octets) in
        [(&segment, middle(&segment), 16), (&database, middle(&database), 4096), (&database, 0, 4096)]
    {
        spoil(path, at, octets);
        let before = folder.contents();
        let refused = folder.run(&["serve"], &[]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.error.starts_with("flowswitch: ") && refused.error.lines().count() == 1, "{refused:?}");
        let name = path.strip_prefix(&folder.path).unwrap().display().to_string();
        for told in [name.as_str(), "flowswitch repair", "backup"] {
            assert!(refused.error.contains(told), "{told}: {refused:?}");
        }
        let after = folder.contents();
        assert!(before.keys().eq(after.keys()), "{:?} became {:?}", before.keys(), after.keys());
        assert!(before == after, "a refused start changed a file");

        let repaired = folder.run(&["repair"], &[]);
        assert_eq!((repaired.code, repaired.error.as_str()), (Some(0), ""), "{repaired:?}");
        assert!(repaired.out.contains(".damaged-") && repaired.out.contains("can be used again"), "{repaired:?}");
        let highest = folder.open().store.accepted_seq();
        folder.start().ends_cleanly();
        let opened = folder.open();
        let entries = entries(&opened.store);
        assert!(entries.windows(2).all(|pair| pair[0].seq < pair[1].seq), "a number was given twice");
        assert!(opened.store.accepted_seq() >= highest && !entries.is_empty());
        drop(opened);
        let again = folder.run(&["repair"], &[]);
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(again.out.contains("Nothing in data is damaged"), "{again:?}");
    }
}

#[test]
fn what_the_server_writes_is_its_users_alone_and_a_repair_by_root_leaves_it_so() {
    let folder = Folder::new("owner");
    folder.start().ends_cleanly();
    let whose = || -> Vec<(PathBuf, u32, u32)> {
        let mut found = vec![folder.data()];
        let mut at = 0;
        while let Some(path) = found.get(at).cloned() {
            at += 1;
            found.extend(fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()));
        }
        let seen = |path: PathBuf| {
            let metadata = fs::metadata(&path).unwrap();
            (path, metadata.uid(), metadata.mode() & 0o777)
        };
        found.into_iter().map(seen).collect()
    };
    assert!(whose().iter().any(|(path, ..)| path.ends_with("flowswitch.sqlite")), "{:?}", whose());
    for (path, _, mode) in whose() {
        assert_eq!(mode & 0o077, 0, "{} may be read by others: {mode:o}", path.display());
    }
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    whose().iter().for_each(|(path, ..)| std::os::unix::fs::chown(path, Some(4_242), None).unwrap());
    // It fails at a segment that is none, when the database is done.
    let segment = folder.segments().remove(0);
    let (log, database) = (segment.parent().unwrap().to_owned(), folder.data().join("flowswitch.sqlite"));
    let (sound, no_segment) = (fs::read(&database).unwrap(), log.join("00000000000000009999.log"));
    spoil(&database, 0, 4096);
    fs::create_dir(&no_segment).unwrap();
    let before = folder.contents();
    let failed = folder.run(&["repair"], &[]);
    assert!(failed.code == Some(2) && failed.error.contains("9999.log"), "{failed:?}");
    assert!(folder.contents() == before, "a failed repair changed a file");
    for (path, owner, _) in whose() {
        assert_eq!(owner, 4_242, "{}", path.display());
    }
    fs::remove_dir(no_segment).unwrap();
    fs::write(&database, sound).unwrap();
    spoil(&segment, 0, 16);
    let repaired = folder.run(&["repair"], &[]);
    assert!(repaired.code == Some(0) && repaired.out.contains(".damaged-"), "{repaired:?}");
    for (path, owner, mode) in whose() {
        assert_eq!((owner, mode & 0o077), (4_242, 0), "{}", path.display());
    }
}

#[test]
fn a_backup_made_beside_a_running_server_is_a_server_of_its_own() {
    let folder = Folder::new("backup");
    for command in [vec!["backup", "copy"], vec!["repair"]] {
        let nothing = folder.run(&command, &[]);
        assert_eq!(nothing.code, Some(2), "{nothing:?}");
        assert!(nothing.error.contains("nothing was ever kept in data"), "{nothing:?}");
    }
    let server = folder.start();
    register(folder.sip, Some("sip:1000@127.0.0.2:5999"));
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 5);
    callers.call("record", 2);
    folder.await_calls(7);
    let copied = folder.run(&["backup", "copy"], &[]);
    assert_eq!((copied.code, copied.error.as_str()), (Some(0), ""), "{copied:?}");
    assert_eq!(
        copied.out,
        "data is copied to copy.\nRecordings are not in the copy: take data/recordings along as well.\n"
    );
    let again = folder.run(&["backup", "copy"], &[]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.error.contains("not empty") && !again.error.contains("delete"), "{again:?}");
    let repair = folder.run(&["repair"], &[]);
    assert_eq!(repair.code, Some(2), "{repair:?}");
    assert!(repair.error.contains("a server runs with data: stop it first"), "{repair:?}");
    assert_eq!(callers.up(), 7);
    server.ends_cleanly_while(&mut callers);

    fs::rename(folder.data(), folder.path.join("old")).unwrap();
    fs::rename(folder.path.join("copy"), folder.data()).unwrap();
    let server = folder.start();
    assert!(register(folder.sip, None).contains("sip:1000@127.0.0.2:5999"));
    let calls = folder.get("/v1.0/calls?page_size=100");
    assert!(calls.starts_with("HTTP/1.1 200") && calls.matches("\"hangup_reason\":\"failed\"").count() == 7, "{calls}");
    server.ends_cleanly();
}

#[test]
fn what_keeps_a_server_from_starting_is_told_and_harms_nobody() {
    let folder = Folder::new("taken");
    let refused = |variables: &[(&str, &str)], expected: &str| {
        let began = Instant::now();
        let ended = folder.run(&["serve"], variables);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.error.contains(expected) && ended.error.lines().count() == 1, "{expected}: {ended:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{expected}: after {:?}", began.elapsed());
    };
    let sip = UdpSocket::bind(folder.sip).unwrap();
    let taken = format!("SIP cannot listen on UDP {} (section sip.udp): Address already in use", folder.sip);
    refused(&[], &taken);
    drop(sip);
    let http = TcpListener::bind(folder.http).unwrap();
    refused(&[], &format!("HTTP cannot listen on {} (keys http.address and http.port)", folder.http));
    drop(http);
    fs::write(folder.path.join("file"), "").unwrap();
    refused(&[("FLOWSWITCH_DATA_DIR", "file")], "data_dir file: ");
    // Nobody can write there, not even root.
    refused(&[("FLOWSWITCH_DATA_DIR", "/proc/flowswitch")], "data_dir /proc/flowswitch: ");

    let server = folder.start();
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 1);
    // With the same ports and with others.
    refused(&[], "data is used by another flowswitch: stop that one, or give this one its own data_dir");
    refused(&[("FLOWSWITCH_SIP__UDP__PORT", "25598"), ("FLOWSWITCH_HTTP__PORT", "25599")], "data is used by another");
    callers.call("wait", 1);
    assert_eq!(callers.up(), 2);
    server.ends_cleanly_while(&mut callers);
}

#[test]
fn a_damaged_secret_is_refused_with_the_way_out_and_a_deleted_one_is_made_anew() {
    let folder = Folder::new("secret");
    folder.start().ends_cleanly();
    let path = folder.data().join("secrets/login-tokens");
    fs::write(&path, "").unwrap();
    let ended = folder.run(&["serve"], &[]);
    let told = "data/secrets/login-tokens is damaged: it has 0 octets where 32 that nobody can guess should be";
    assert!(ended.code == Some(2) && ended.error.contains(told), "{ended:?}");
    fs::remove_file(&path).unwrap();
    folder.start().ends_cleanly();
    assert_eq!(fs::read(&path).unwrap().len(), 32);
}

#[test]
fn the_shortest_lanes_that_are_allowed_suffice_for_a_start() {
    let folder = Folder::new("lanes");
    let mut config = fs::read_to_string(folder.path.join("server.toml")).unwrap();
    config.push_str("[control]\nloops = 3\nurgent_lane = 64\nnew_work_lane = 1\napi_lane = 1\n");
    fs::write(folder.path.join("server.toml"), config).unwrap();
    let server = folder.start();
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 1);
    server.ends_cleanly_while(&mut callers);
}

#[test]
fn the_first_start_keeps_what_it_made_up_and_a_failed_one_makes_nothing_up() {
    let folder = Folder::new("first");
    fs::write(folder.path.join("numbers.json"), r#"{"extensions": [{"extension": "1001"}]}"#).unwrap();
    let file = folder.data().join("secrets").join("first-start.txt");
    let http = TcpListener::bind(folder.http).unwrap();
    assert_eq!(folder.run(&["serve"], &[]).code, Some(2));
    assert!(!file.exists(), "made up, and nobody can use it");
    drop(http);
    let server = folder.start();
    let kept = fs::read_to_string(&file).unwrap();
    let key = kept.split_whitespace().find(|word| word.starts_with("vb_")).unwrap().to_owned();
    assert!(kept.contains("administrator's access key") && kept.contains("password of extension 1001"), "{kept}");
    assert!(!folder.log().contains(&key) && folder.log().contains("first-start.txt"), "{}", folder.log());
    server.ends_cleanly();
    folder.start().ends_cleanly();
    assert_eq!(fs::read_to_string(&file).unwrap(), kept, "a second start makes nothing up");
}

#[test]
fn sigterm_finishes_recordings_and_writes_everything_down_whoever_is_still_connected() {
    let folder = Folder::new("drained");
    let server = folder.start();
    let witness = Witness::new(&folder);
    // One connection that says nothing, one with half a request.
    let _idle = TcpStream::connect(folder.http).unwrap();
    let mut half = TcpStream::connect(folder.http).unwrap();
    let head = "HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100";
    write!(half, "POST /v1.0/flows?accesskey={} {head}\r\n\r\n{{", server::KEY).unwrap();
    let mut callers = Callers::new(folder.sip);
    callers.call("record", 5);
    callers.call("wait", 5);
    witness.wait_for("recording_started");
    for sequence in 0..25 {
        callers.talk("record", sequence);
        callers.listen(Duration::from_millis(20));
    }
    let began = Instant::now();
    server.ends_cleanly_while(&mut callers);
    // One second of `drain_seconds`, two for the half request, one for what else runs.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(callers.calls.values().all(|attempt| attempt.ended), "some were not told");

    let opened = folder.open();
    assert!(opened.unfinished.is_empty(), "{:?}", opened.unfinished);
    assert_eq!(opened.replayed, 0, "the records were not written down at the end");
    let recordings: Vec<Recording> = records(&opened.store);
    assert_eq!(recordings.len(), 5);
    for recording in &recordings {
        assert_eq!((recording.status, recording.end_reason.as_str()), (RecordingStatus::Ended, "hangup"));
        assert_eq!(recorded_ms(&folder, recording), recording.duration_ms);
        assert!(recording.duration_ms > 1_000, "{recording:?}");
    }
    for record in records::<CallRecord>(&opened.store) {
        assert_eq!(record.call.status, CallStatus::Hangup);
        assert_ne!(record.call.hangup_reason, HangupReason::Failed, "{record:?}");
    }
}

#[test]
fn callers_who_do_not_answer_do_not_hold_up_the_end() {
    let folder = Folder::new("silent");
    let server = folder.start();
    let mut callers = Callers::new(folder.sip);
    callers.call("record", 2);
    server.signal("-INT");
    let status = server.ends_within(Duration::from_secs(10));
    assert!(status.success(), "{status}: {}", folder.log());
    let recordings: Vec<Recording> = records(&folder.open().store);
    assert!(recordings.iter().all(|recording| recorded_ms(&folder, recording) > 0));
}

#[test]
fn a_full_disk_does_not_hold_up_the_end_and_what_was_written_is_sound() {
    let folder = Folder::new("full");
    let server = folder.start_unlimited();
    let witness = Witness::new(&folder);
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 5);
    // An answer is sent before its event is on the disk; who subscribes is told after.
    for _ in 0..5 {
        witness.wait_for("call_progressing");
    }
    // As a full disk: from now on no file grows beyond what the event log has.
    let octets = fs::metadata(folder.segments().pop().unwrap()).unwrap().len();
    server.limit_files(octets);
    callers.call("wait", 1);
    let refusal = Instant::now();
    while folder.get("/readyz").starts_with("HTTP/1.1 200") {
        assert!(refusal.elapsed() < Duration::from_secs(5), "a full disk, and it is ready");
        callers.listen(Duration::from_millis(20));
    }
    assert!(folder.get("/readyz").contains("store failing"), "{}", folder.get("/readyz"));
    server.signal("-TERM");
    let ended = server.ends_with_words(&mut callers, Duration::from_secs(12));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for told in ["the last events could not be written down: ", "the event log cannot be written: "] {
        assert!(ended.error.contains(told), "{told}: {ended:?}");
    }
    assert!(callers.calls.values().all(|attempt| attempt.ended), "the calls were not ended");

    folder.start().ends_cleanly();
    let opened = folder.open();
    assert!(opened.unfinished.is_empty());
    assert!(entries(&opened.store).iter().map(|accepted| accepted.seq).eq(1..=opened.store.accepted_seq()));
    assert!(records::<CallRecord>(&opened.store).len() >= 5);
}
