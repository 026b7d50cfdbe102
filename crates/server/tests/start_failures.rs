//! What keeps the built server from starting is told in one line on standard error, with exit code 2: where it is, what was
//! found, what is allowed. Nothing listens, and nothing is written to standard output.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by unwrap, its helpers as well

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder of this test's own with a configuration, and a provisioning file if the configuration names it.
struct Attempt {
    folder: PathBuf,
}

impl Attempt {
    fn new(name: &str, configuration: &[u8], provisioning: &[u8]) -> Attempt {
        let folder = std::env::temp_dir().join(format!("flowswitch-start-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("server.toml"), configuration).unwrap();
        fs::write(folder.join("numbers.json"), provisioning).unwrap();
        Attempt { folder }
    }

    /// Exit code, standard output, standard error. A server that starts after all is ended after 10 s. It listens
    /// on ports of this test's own, whatever the configuration says: no other server of this machine is met.
    fn run(&self, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowswitch"));
        command.args(["serve", "--config", "server.toml"]).current_dir(&self.folder);
        command.envs([("FLOWSWITCH_SIP__UDP__ADDRESS", "127.0.0.1"), ("FLOWSWITCH_SIP__UDP__PORT", "25890")]);
        command.envs([("FLOWSWITCH_HTTP__ADDRESS", "127.0.0.1"), ("FLOWSWITCH_HTTP__PORT", "25893")]);
        let mut child =
            command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = child.wait_with_output().unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The rest of each configuration, with ports that nobody else has.
const PORTS: &str = "[sip.udp]\naddress = \"127.0.0.1\"\nport = 25890\n[http]\naddress = \"127.0.0.1\"\nport = 25893\n\
                     [rtp]\naddress = \"127.0.0.1\"\nfirst_port = 31980\nlast_port = 31999\n";

fn refused(name: &str, configuration: &[u8], provisioning: &[u8], variables: &[(&str, &str)], expected: &str) {
    let (code, out, error) = Attempt::new(name, configuration, provisioning).run(variables);
    assert_eq!(code, Some(2), "{name}: {out}{error}");
    assert_eq!(error.trim_end(), format!("flowswitch: {expected}"), "{name}");
    assert_eq!(out, "", "{name}");
}

#[test]
fn a_wrong_configuration_is_refused_with_file_line_key_found_and_allowed() {
    for (name, first, expected) in [
        (
            "type",
            "[sip]\nt1_ms = \"soon\"\n",
            "server.toml line 2: sip.t1_ms: found \"soon\", allowed: a whole number from 10 to 10000",
        ),
        (
            "range",
            "[sip]\nmax_calls = 0\n",
            "server.toml line 2: sip.max_calls: found 0, allowed: a whole number from 1 to 1000000",
        ),
        (
            "key",
            "\n[sip]\nt1ms = 5\n",
            "server.toml line 3: sip.t1ms: unknown key; did you mean `t1_ms`? (known here: user_agent, open_networks, domain, \
             open_conferences, max_calls, max_new_calls_per_second, retry_after_seconds, t1_ms, t2_ms, t4_ms, socket_buffer_bytes, max_connections, max_connections_per_address, connection_idle_seconds, udp, tcp, tls)",
        ),
        ("syntax", "[sip\n", "server.toml line 1: not valid TOML: unclosed table, expected `]`"),
        (
            "missing",
            "provision = [\"nowhere.json\"]\n",
            "nowhere.json: cannot be read: No such file or directory (os error 2)",
        ),
    ] {
        refused(name, format!("{first}{PORTS}").as_bytes(), b"", &[], expected);
    }
    let odd = PORTS.replace("31980", "31981");
    refused("odd", odd.as_bytes(), b"", &[], "server.toml line 9: rtp.first_port: found 31981, allowed: an even port");
    refused("binary", &[0xff, 0, 0xfe], b"", &[], "server.toml: cannot be read: not UTF-8 at byte 0");
}

#[test]
fn a_wrong_environment_variable_is_refused_by_its_name() {
    refused(
        "variable",
        PORTS.as_bytes(),
        b"",
        &[("FLOWSWITCH_SIP__UDP__PORT", "x")],
        "environment variable FLOWSWITCH_SIP__UDP__PORT: sip.udp.port: found \"x\", allowed: a whole number from 1 to 65535",
    );
}

#[test]
fn wrong_provisioning_is_refused_with_file_line_and_place() {
    let configuration = format!("provision = [\"numbers.json\"]\n{PORTS}");
    for (name, provisioning, expected) in [
        (
            "action",
            "{\"flows\": [{\"name\": \"a\", \"actions\": [\n{\"type\": \"answer\"},\n{\"type\": \"plya\"}]}]}",
            "numbers.json line 3: flows[0].actions[1].type: unknown type: plya; allowed: a type of action that this server carries out",
        ),
        (
            "id",
            "{\"numbers\": [{\"number\": \"a\",\n\"call_flow_id\": \"menu\"}]}",
            "numbers.json line 2: numbers[0].call_flow_id: found \"menu\"; allowed: a UUID such as 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0",
        ),
    ] {
        refused(name, configuration.as_bytes(), provisioning.as_bytes(), &[], expected);
    }
    let cut = Attempt::new("cut", configuration.as_bytes(), b"{\"flows\": [\n{\"name\":").run(&[]);
    assert_eq!(cut.0, Some(2), "{cut:?}");
    assert!(cut.2.starts_with("flowswitch: numbers.json line 2: not valid JSON: "), "{cut:?}");
}
