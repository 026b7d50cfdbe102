//! SIGHUP: files, the API and calls agree, whatever happens at that moment.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::callers::Callers;
use crate::server::{Folder, Server};

/// The flow `wait` of the folder's provisioning.
const WAIT: &str = "b1d0c0de-0003-4000-8000-000000000001";
/// The flow `short`: it hangs up at once.
const SHORT: &str = "b1d0c0de-0003-4000-8000-000000000003";

/// Changes a file of the folder.
fn edit(folder: &Folder, change: impl FnOnce(&mut Value)) {
    let path = folder.path.join("numbers.json");
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut file);
    fs::write(path, file.to_string()).unwrap();
}

fn reloads(folder: &Folder) -> usize {
    folder.log().lines().filter(|line| line.contains("\"reloaded\"")).count()
}

/// SIGHUP, and what it asks for is done.
fn reload(folder: &Folder, server: &Server<'_>) {
    let (before, end) = (reloads(folder), Instant::now() + Duration::from_secs(10));
    server.signal("-HUP");
    while reloads(folder) == before {
        assert!(Instant::now() < end, "it was not reloaded:\n{}", folder.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The status of an INVITE to this number, sent again while the server has too much to do.
fn dial(socket: &UdpSocket, server: SocketAddr, number: &str) -> u16 {
    let own = socket.local_addr().unwrap();
    let port = own.port();
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
    for round in 0..200 {
        let id = format!("{number}.{round}.{port}");
        let text = format!(
            "INVITE sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:t@{own}>;tag={id}\r\nTo: <sip:{number}@{server}>\r\nCall-ID: {id}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:t@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.send_to(text.as_bytes(), server).unwrap();
        let mut buffer = [0; 8192];
        let status = loop {
            let Ok((length, _)) = socket.recv_from(&mut buffer) else { break 0 };
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let status =
                answer.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
            match status {
                Some(status) if status >= 200 && answer.contains(&format!("Call-ID: {id}\r\n")) => break status,
                _ => {}
            }
        };
        if status != 503 && status != 0 {
            return status;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{number} is not answered");
}

#[test]
fn what_the_api_confirms_during_a_reload_is_what_calls_find() {
    let folder = Folder::new("reload-race");
    edit(&folder, |file| {
        let phones = file["extensions"].as_array_mut().unwrap();
        phones.extend((0..1_000).map(|phone| json!({"extension": format!("2{phone:03}"), "password": "secret"})));
    });
    let server = folder.start();
    let over = AtomicBool::new(false);
    let make = |writer: usize| {
        let mut numbers = BTreeMap::new();
        for count in 0.. {
            let number = format!("n{writer}-{count}");
            let body = json!({"number": number, "call_flow_id": SHORT});
            let made = folder.ask("POST", "/v1.0/numbers", &body);
            let stays = count % 2 == 0;
            if !stays {
                folder.ask("DELETE", &format!("/v1.0/numbers/{}", made["id"].as_str().unwrap()), &Value::Null);
            }
            numbers.insert(number, stays);
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
        numbers
    };
    let numbers = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|writer| scope.spawn(move || make(writer))).collect();
        for _ in 0..10 {
            reload(&folder, &server);
        }
        over.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<BTreeMap<_, _>>()
    });
    let socket = UdpSocket::bind(("127.0.0.2", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let wrong =
        |(number, stays): &(&String, &bool)| dial(&socket, folder.sip, number) != if **stays { 200 } else { 404 };
    let wrong: Vec<_> = numbers.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{} of {} numbers are not what the API said: {wrong:?}", wrong.len(), numbers.len());
    server.kill();
}

#[test]
fn what_was_made_over_the_api_can_be_written_into_a_file_later() {
    let folder = Folder::new("reload-taken");
    let server = folder.start();
    let sales = folder.ask("POST", "/v1.0/numbers", &json!({"number": "sales", "call_flow_id": SHORT}));
    let phone = folder.ask("POST", "/v1.0/extensions", &json!({"extension": "2000", "password": "secret"}));
    let key = folder.ask("POST", "/v1.0/accesskeys", &json!({"name": "theirs"}));
    edit(&folder, |file| {
        let mut add = |kind: &str, entry: Value| file[kind].as_array_mut().unwrap().push(entry);
        add("numbers", json!({"number": "sales", "call_flow_id": WAIT}));
        add("numbers", json!({"number": "zulu", "call_flow_id": WAIT}));
        add("extensions", json!({"extension": "2000"}));
        add("accesskeys", json!({"name": "ours", "token": key["token"]}));
    });
    reload(&folder, &server);
    let mut callers = Callers::new(folder.sip);
    callers.call("zulu", 1);
    callers.call("sales", 1);
    for gone in [&sales, &phone, &key] {
        let id = gone["id"].as_str().unwrap();
        assert!(folder.log().lines().any(|line| line.contains("WARN") && line.contains(id)), "{id}:\n{}", folder.log());
    }
    let listed = folder.get("/v1.0/numbers?page_size=100");
    assert_eq!(listed.matches("\"sales\"").count(), 1, "{listed}");
    server.ends_cleanly_while(&mut callers);
    folder.start().ends_cleanly();
}

#[test]
fn a_reload_that_is_refused_changes_neither_calls_nor_the_log_level() {
    let folder = Folder::new("reload-refused");
    let server = folder.start();
    // Two keys of one file cannot have one token.
    edit(&folder, |file| {
        let twice = json!({"name": "twice", "token": file["accesskeys"][0]["token"]});
        file["accesskeys"].as_array_mut().unwrap().push(twice);
        file["numbers"].as_array_mut().unwrap().push(json!({"number": "zulu", "call_flow_id": SHORT}));
    });
    let config = fs::read_to_string(folder.path.join("server.toml")).unwrap();
    fs::write(folder.path.join("server.toml"), format!("{config}level = \"debug\"\n")).unwrap();
    server.signal("-HUP");
    let end = Instant::now() + Duration::from_secs(10);
    while !folder.log().contains("nothing was reloaded") {
        assert!(Instant::now() < end, "{}", folder.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let socket = UdpSocket::bind(("127.0.0.2", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    assert_eq!(dial(&socket, folder.sip, "zulu"), 404);
    assert!(!folder.get("/v1.0/numbers").contains("zulu"));
    assert!(!folder.log().contains("DEBUG"), "{}", folder.log());
    server.kill();
}

#[test]
fn a_server_with_as_many_calls_as_it_may_have_says_so_until_it_may_have_more() {
    let folder = Folder::new("full");
    let config = fs::read_to_string(folder.path.join("server.toml")).unwrap();
    let with =
        |most: u32| fs::write(folder.path.join("server.toml"), format!("sip.max_calls = {most}\n{config}")).unwrap();
    with(2);
    let server = folder.start();
    let mut callers = Callers::new(folder.sip);
    callers.call("wait", 2);
    let mut await_ready = |ready: bool| {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let answer = folder.get("/readyz");
            if answer.starts_with("HTTP/1.1 200") == ready {
                return answer;
            }
            assert!(Instant::now() < end, "{answer}");
            callers.listen(Duration::from_millis(20));
        }
    };
    let full = await_ready(false);
    assert!(full.contains("full: as many calls are up as may be"), "{full}");
    with(3);
    reload(&folder, &server);
    await_ready(true);
    server.ends_cleanly_while(&mut callers);
}

#[test]
fn a_missing_folder_of_sounds_is_told_with_its_whole_path() {
    let folder = Folder::new("no-sounds");
    let server = folder.start();
    let sounds = folder.path.join("media");
    let told = || {
        let words = format!("media.folder: there is no folder {}:", sounds.display());
        folder.log().lines().filter(|line| line.contains("WARN") && line.contains(&words)).count()
    };
    assert_eq!(told(), 1, "{}", folder.log());
    reload(&folder, &server);
    assert_eq!(told(), 2, "{}", folder.log());
    std::fs::create_dir(&sounds).unwrap();
    reload(&folder, &server);
    assert_eq!(told(), 2, "{}", folder.log());
    server.ends_cleanly();
}
