//! What is over is over: after the traffic every gauge is where it was before it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::callers::{Callers, register_for};
use crate::server::{Folder, KEY};

/// Gauges that say what has happened so far, or how large something may be.
const NO_MATTER: [&str; 11] = [
    "store_log_accepted_seq",
    "store_log_first_seq",
    "store_log_octets",
    "store_log_last_sync_us",
    "store_log_longest_sync_us",
    "store_database_longest_commit_us",
    "store_records_resume_seq",
    "process_resident_memory_bytes",
    // Judged together: pairs come and go between the stock and the pool.
    "port_stock",
    "media_ports_idle",
    "media_ports_leased",
];

/// All gauges, each the sum of its labels.
fn gauges(folder: &Folder) -> BTreeMap<String, f64> {
    let answer = folder.get("/metrics");
    let names = answer.lines().filter_map(|line| line.strip_prefix("# TYPE flowswitch_")?.strip_suffix(" gauge"));
    let mut gauges: BTreeMap<String, f64> = names.map(|name| (name.to_owned(), 0.0)).collect();
    for line in answer.lines().filter_map(|line| line.strip_prefix("flowswitch_")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        if let Some(sum) = gauges.get_mut(name.split('{').next().unwrap()) {
            *sum += value.parse::<f64>().unwrap();
        }
    }
    assert!(gauges.len() > 60, "{answer}");
    gauges
}

/// What is not as it was.
fn left(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    let of = |name: &str| now[name];
    let pairs = of("media_ports_leased") + of("media_ports_idle") + of("media_ports_resting");
    if of("media_ports_leased") != of("port_stock") || of("media_ports_descriptors") != 2.0 * pairs {
        left.push(format!("port pairs: {now:?}"));
    }
    let other = |gauges: &BTreeMap<String, f64>| gauges["process_open_fds"] - gauges["media_ports_descriptors"];
    if other(now) > other(before) {
        left.push(format!("{} descriptors, and there were {}", other(now), other(before)));
    }
    if of("process_threads") > before["process_threads"] {
        left.push(format!("{} threads, and there were {}", of("process_threads"), before["process_threads"]));
    }
    let own_words = ["process_open_fds", "media_ports_descriptors", "process_threads"];
    let judged = |name: &&String| !NO_MATTER.contains(&name.as_str()) && !own_words.contains(&name.as_str());
    left.extend(
        now.keys()
            .filter(judged)
            .filter(|name| before.get(*name) != now.get(*name))
            .map(|name| format!("{name} is {}, and was {:?}", now[name], before.get(name))),
    );
    left
}

/// A WebSocket that says nothing.
fn socket(folder: &Folder) -> TcpStream {
    let mut stream = TcpStream::connect(folder.http).unwrap();
    let head = "HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
    write!(stream, "GET /v1.0/ws?accesskey={KEY} {head}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[test]
fn everything_is_where_it_was_40_s_after_calls_recordings_conferences_phones_and_connections() {
    let folder = Folder::new("rest");
    // What waits for SIP's timers waits as many times less; a phone that says nothing more is gone after 10 s.
    let config = fs::read_to_string(folder.path.join("server.toml")).unwrap();
    let short = "sip.t1_ms = 50\nsip.t2_ms = 400\nsip.t4_ms = 500\nregistrar.shortest_seconds = 10\n";
    fs::write(folder.path.join("server.toml"), format!("{short}{config}")).unwrap();
    let server = folder.start();
    // The first call brings up what is made once.
    let mut callers = Callers::new(folder.sip);
    callers.invite("short");
    callers.listen(Duration::from_secs(5));
    let before = gauges(&folder);
    assert_eq!((before["calls"], before["sip_server_transactions"], before["store_records_live"]), (0.0, 0.0, 0.0));

    let room = folder.ask("POST", "/v1.0/conferences", &json!({"type": "conference", "name": "room"}))["id"].clone();
    let join = json!({"type": "conference_join", "option": {"conference_id": room}});
    let actions = json!([{"type": "answer"}, join, {"type": "hangup"}]);
    let flow = folder.ask("POST", "/v1.0/flows", &json!({"actions": actions}));
    folder.ask("POST", "/v1.0/numbers", &json!({"number": "room", "call_flow_id": flow["id"]}));
    register_for(folder.sip, Some("sip:1000@127.0.0.2:5999"), 10);
    let web = socket(&folder);
    let mut silent = TcpStream::connect(folder.http).unwrap();
    write!(silent, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    callers.call("wait", 3);
    callers.call("record", 3);
    callers.call("room", 2);
    for sequence in 0..50 {
        callers.talk("record", sequence);
        callers.talk("room", sequence);
        callers.listen(Duration::from_millis(20));
    }
    let busy = gauges(&folder);
    for (name, least) in [
        ("calls", 8.0),
        ("call_streams", 8.0),
        ("media_worker_open_streams", 8.0),
        ("media_recordings_running", 3.0),
        ("bridges", 1.0),
        ("media_worker_rooms", 1.0),
        ("media_worker_room_members", 2.0),
        ("registrar_contacts", 1.0),
        ("websockets", 1.0),
        ("http_connections", 2.0),
        ("store_records_live", 20.0),
    ] {
        assert!(busy[name] >= least, "{name} is {} while there is traffic", busy[name]);
    }
    assert!(left(&before, &busy).len() > 8, "what is up is not seen");

    // The conference ends with a wait for its last guest, and the calls with a BYE that their callers answer.
    std::thread::scope(|scope| {
        let ends = scope.spawn(|| {
            folder.ask("DELETE", &format!("/v1.0/conferences/{}", room.as_str().unwrap()), &Value::Null);
            for call in folder.ask("GET", "/v1.0/calls?status=progressing", &Value::Null)["result"].as_array().unwrap()
            {
                folder.ask("DELETE", &format!("/v1.0/calls/{}", call["id"].as_str().unwrap()), &Value::Null);
            }
        });
        while !ends.is_finished() {
            callers.listen(Duration::from_millis(20));
        }
    });
    drop((web, silent));
    let end = Instant::now() + Duration::from_secs(40);
    loop {
        let left = left(&before, &gauges(&folder));
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "40 s after the traffic: {left:#?}");
        callers.listen(Duration::from_millis(200));
    }
    server.ends_cleanly_while(&mut callers);
}

/// RFC 6455 §7.4.1.
#[test]
fn a_web_socket_is_told_that_the_server_goes_away() {
    let folder = Folder::new("goes-away");
    let server = folder.start();
    let mut stream = socket(&folder);
    stream.set_read_timeout(Some(Duration::from_secs(12))).unwrap();
    server.signal("-TERM");
    let mut octets = Vec::new();
    let mut piece = [0; 4_096];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        octets.extend_from_slice(&piece[..read]);
    }
    let close = [0x88, 2 + 15, 0x03, 0xe9];
    assert!(octets.windows(4).any(|window| window == close), "{octets:?}");
    assert!(octets.ends_with(b"the server ends"), "{octets:?}");
    assert!(server.ends_within(Duration::from_secs(12)).success());
}
