//! What a kill cut off is followed by what it is followed by otherwise: on-end and on-complete flows run at the next start, once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::callers::Callers;
use crate::entries;
use crate::server::{Folder, KEY};
use crate::witness::Witness;

fn flow(folder: &Folder, body: &Value) -> String {
    folder.ask("POST", "/v1.0/flows", body)["id"].as_str().unwrap().to_owned()
}

fn delete(folder: &Folder, path: &str) {
    let mut stream = TcpStream::connect(folder.http).unwrap();
    write!(stream, "DELETE {path}?accesskey={KEY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// The activeflows of this flow that have begun, as the log has them.
fn begun(folder: &Folder, flow_id: &str) -> Vec<Value> {
    let events = entries(&folder.open().store).into_iter().filter_map(|accepted| accepted.entry.to_event());
    let ours = |event: &Value| event["type"] == "activeflow_created" && event["data"]["flow_id"] == flow_id;
    events.filter(ours).map(|event| event["data"].clone()).collect()
}

#[test]
fn after_a_kill_the_flows_run_that_follow_a_recording_and_a_call() {
    let folder = Folder::new("follow-ups");
    let server = folder.start();
    let witness = Witness::new(&folder);
    let wait = json!([{"type": "sleep", "option": {"duration": 120_000}}]);
    let [on_end, on_complete, gone] = [(); 3].map(|()| flow(&folder, &json!({"actions": wait})));
    for (number, on_end, on_complete) in [("mail", &on_end, &on_complete), ("lost", &gone, &gone)] {
        let actions = json!([
            {"type": "answer"},
            {"type": "recording_start", "option": {"on_end_flow_id": on_end}},
            {"type": "sleep", "option": {"duration": 120_000}},
        ]);
        let id = flow(&folder, &json!({"actions": actions, "on_complete_flow_id": on_complete}));
        folder.ask("POST", "/v1.0/numbers", &json!({"number": number, "call_flow_id": id}));
    }
    let mut callers = Callers::new(folder.sip);
    callers.call("mail", 1);
    callers.call("lost", 1);
    (0..2).for_each(|_| witness.wait_for("recording_started"));
    delete(&folder, &format!("/v1.0/flows/{gone}"));
    let recordings = folder.ask("GET", "/v1.0/recordings", &Value::Null)["result"].clone();
    server.kill();
    drop(callers);

    let server = folder.start();
    let running = |flow_id: &str| {
        let path = format!("/v1.0/activeflows?page_size=100&status=running&flow_id={flow_id}");
        let all = folder.ask("GET", &path, &Value::Null)["result"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|activeflow| activeflow["flow_id"] == flow_id && activeflow["status"] == "running")
            .collect::<Vec<_>>()
    };
    for _ in 0..250 {
        if running(&on_end).len() + running(&on_complete).len() == 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let (ended, completed) = (running(&on_end), running(&on_complete));
    assert_eq!((ended.len(), completed.len()), (1, 1), "{}", folder.log());
    let recording =
        recordings.as_array().unwrap().iter().find(|recording| recording["on_end_flow_id"] == on_end.as_str()).unwrap();
    let variables = |activeflow: &Value| {
        let path = format!("/v1.0/activeflows/{}/variables", activeflow["id"].as_str().unwrap());
        folder.ask("GET", &path, &Value::Null)["variables"].clone()
    };
    let of_end = variables(&ended[0]);
    assert_eq!(of_end["voipbin.recording.id"], recording["id"]);
    assert_eq!(of_end["voipbin.recording.reference_id"], recording["reference_id"]);
    assert_eq!(ended[0]["reference_activeflow_id"], recording["activeflow_id"]);
    let of_complete = variables(&completed[0]);
    assert_eq!(of_complete["voipbin.call.id"], recording["reference_id"]);
    assert_eq!(of_complete["voipbin.call.destination.target"], "mail");
    assert_eq!(of_complete["voipbin.recording.id"], recording["id"]);
    assert_eq!(completed[0]["reference_activeflow_id"], recording["activeflow_id"]);
    assert_eq!(completed[0]["reference_id"], recording["reference_id"]);

    // Killed again: both have begun, and do not begin once more.
    server.kill();
    let server = folder.start();
    std::thread::sleep(Duration::from_millis(500));
    server.kill();
    assert_eq!(
        (begun(&folder, &on_end).len(), begun(&folder, &on_complete).len(), begun(&folder, &gone).len()),
        (1, 1, 0)
    );
}
