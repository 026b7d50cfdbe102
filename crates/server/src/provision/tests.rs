//! What the files may say, and the words in which mistakes are refused.

use super::*;

const NOW: u64 = 1_700_000_000_000_000;

fn read(text: &str) -> Result<Provisioned, ProvisionError> {
    parse(Path::new("x.json"), text, Timestamp::from_us(NOW))
}

fn faults(text: &str) -> Vec<String> {
    read(text).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_demo_provides_its_numbers_without_a_warning() {
    let demo = std::fs::read_to_string(repository().join("conf/demo.json")).unwrap();
    let provisioned = read(&demo).unwrap();
    assert_eq!(provisioned.warnings, []);
    assert_eq!(provisioned.numbers.keys().collect::<Vec<_>>(), ["conf", "echo", "ivr", "play", "voicemail"]);
    for number in provisioned.numbers.values() {
        assert!(provisioned.flows.contains_key(&number.call_flow_id), "{}", number.number);
    }
}

#[test]
fn every_sound_that_the_demo_names_exists_and_is_small() {
    let demo = std::fs::read_to_string(repository().join("conf/demo.json")).unwrap();
    let sounds: Vec<&str> = demo.split("file:").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(sounds.len() >= 7);
    for sound in sounds {
        let size = std::fs::metadata(repository().join("media").join(sound)).expect(sound).len();
        assert!((8_000..300_000).contains(&size), "{sound}: {size} bytes");
    }
}

#[test]
fn an_entry_without_an_id_has_the_same_id_every_time() {
    let text = r#"{"flows": [{"name": "hello", "actions": [{"type": "answer"}]}],
                   "numbers": [{"number": "hello"}]}"#;
    let (first, second) = (read(text).unwrap(), read(text).unwrap());
    assert_eq!(first, second);
    let flow = first.flows.values().next().unwrap();
    assert_eq!(flow.id, derived_id("flows", "hello"));
    assert!(!flow.actions[0].id.is_empty(), "actions get ids, and the same ones: the results above are equal");
    assert_eq!(first.numbers["hello"].id, derived_id("numbers", "hello"));
}

#[test]
fn a_number_may_come_before_its_flow_and_in_another_file() {
    let folder = std::env::temp_dir().join(format!("flowswitch-provision-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let id = "0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0";
    let files = [folder.join("numbers.json"), folder.join("flows.json")];
    std::fs::write(&files[0], format!(r#"{{"numbers": [{{"number": "+12025550123", "call_flow_id": "{id}"}}]}}"#))
        .unwrap();
    std::fs::write(&files[1], format!(r#"{{"flows": [{{"id": "{id}", "actions": []}}]}}"#)).unwrap();
    let provisioned = load(&files, Timestamp::from_us(NOW)).unwrap();
    assert_eq!(provisioned.numbers["+12025550123"].call_flow_id.to_string(), id);

    let error = load(&[files[0].clone(), folder.join("missing.json")], Timestamp::from_us(NOW)).unwrap_err();
    let missing = folder.join("missing.json");
    assert_eq!(
        error.0[0].to_string(),
        format!("{}: cannot be read: No such file or directory (os error 2)", missing.display())
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn mistakes_are_refused_with_file_line_path_found_and_allowed() {
    let flow = r#"{"id": "0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0", "name": "Menu", "actions": []}"#;
    let cases: Vec<(String, &[&str])> = vec![
        ("{\"flows\": [\n1,\n]}".into(), &["x.json line 3: not valid JSON: trailing comma (column 1)"]),
        ("".into(), &["x.json: it is empty"]),
        ("[]".into(), &["x.json line 1: found an array; allowed: an object of arrays such as `flows`"]),
        (
            "{\n\"queues\": []}".into(),
            &[
                "x.json line 2: queues: not yet supported: queues; allowed: flows, numbers, extensions, conferences, accesskeys, agents, customers",
            ],
        ),
        (
            "{\n\n\"flow\": []}".into(),
            &[
                "x.json line 3: flow: found the unknown collection \"flow\"; allowed: flows, numbers, extensions, conferences, accesskeys, agents, customers",
            ],
        ),
        ("{\"flows\": {}}".into(), &["x.json line 1: flows: found an object; allowed: an array of objects"]),
        ("{\"flows\": [\n 5]}".into(), &["x.json line 2: flows[0]: found 5; allowed: an object"]),
        ("{\"flows\": [{\n\"name\": 5}]}".into(), &["x.json line 2: flows[0].name: found 5; allowed: text"]),
        (
            "{\"flows\": [{\"actions\": []}]}".into(),
            &["x.json line 1: flows[0]: found neither; allowed: an `id`, or a `name` from which the id follows"],
        ),
        (
            "{\"flows\": [{\"name\": \"a\",\n \"actions\": 7}]}".into(),
            &["x.json line 2: flows[0].actions: it is no array; allowed: an array of actions"],
        ),
        (
            "{\"flows\": [{\"name\": \"a\", \"actions\": [\n{\"type\": \"answer\"},\n{\n\"type\": \"connect\"}]}]}"
                .into(),
            &[
                "x.json line 4: flows[0].actions[1].type: not yet supported: connect; allowed: a type of action that this server carries out",
            ],
        ),
        (
            "{\"numbers\": [{\"number\": \"\"}]}".into(),
            &[
                "x.json line 1: numbers[0].number: found \"\"; allowed: what is dialled, 1 to 255 bytes without spaces and any of @ ; < > \"",
            ],
        ),
        (
            "{\"numbers\": [{\"number\": \"a\",\n\"type\": \"odd\"}]}".into(),
            &["x.json line 2: numbers[0].type: found \"odd\"; allowed: one of normal, virtual"],
        ),
        (
            "{\"numbers\": [{\"number\": \"a\",\n\"call_flow_id\": \"menu\"}]}".into(),
            &[
                "x.json line 2: numbers[0].call_flow_id: found \"menu\"; allowed: a UUID such as 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0",
            ],
        ),
        (
            format!("{{\"flows\": [{flow},\n{flow}]}}"),
            &[
                "x.json line 2: flows[1]: found the flow 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0 a second time; allowed: once; the first is in x.json line 1",
            ],
        ),
        (
            "{\"numbers\": [{\"number\": \"a\"},\n{\"number\": \"a\"}]}".into(),
            &[
                "x.json line 2: numbers[1]: found the number a a second time; allowed: once; the first is in x.json line 1",
            ],
        ),
        (
            format!(
                "{{\"flows\": [{flow}],\n\"numbers\": [{{\"number\": \"a\",\n\"call_flow_id\": \"0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d1\"}}]}}"
            ),
            &[
                "x.json line 3: numbers[0].call_flow_id: found 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d1; allowed: the id of a provisioned flow; there are: 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0 (Menu)",
            ],
        ),
        (
            "{\"numbers\": [{\"number\": 5},\n{\"number\": \" \"}]}".into(),
            &[
                "x.json line 1: numbers[0].number: found 5; allowed: text",
                "x.json line 2: numbers[1].number: found \" \"; allowed: what is dialled, 1 to 255 bytes without spaces and any of @ ; < > \"",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(&text), expected, "{text}");
    }
}

#[test]
fn who_has_no_permission_in_the_file_has_none() {
    let agents = |rest: &str| format!(r#"{{"agents": [{{"username": "ann", "password": "x"{rest}}}]}}"#);
    for (rest, permission, warned) in
        [("", 0, true), (r#", "permission": 0"#, 0, false), (r#", "permission": 64"#, 64, false)]
    {
        let provisioned = read(&agents(rest)).unwrap();
        assert_eq!(provisioned.agents[0].permission, permission, "{rest}");
        assert_eq!(!provisioned.warnings.is_empty(), warned, "{rest}");
    }
    let told = "x.json line 1: agents[0].permission: found 65536; allowed: a sum of the permissions, at most 65535";
    assert_eq!(faults(&agents(r#", "permission": 65536"#)), [told]);
}

/// The older form of spec/resources.md §7; what the files give no flow for gets one.
#[test]
fn the_older_actions_of_a_conference_become_flows() {
    let text = r#"{"flows": [{"name": "in", "actions": [{"type": "answer"}]}],
        "conferences": [
            {"name": "a", "pre_actions": [{"type": "answer"}], "post_actions": [{"type": "beep"}, {"type": "hangup"}]},
            {"name": "b", "pre_actions": [], "post_actions": null},
            {"name": "c", "pre_flow_id": "FLOW", "pre_actions": [{"type": "beep"}]}
        ]}"#;
    let text = text.replace("FLOW", &derived_id("flows", "in").to_string());
    let provisioned = read(&text).unwrap();
    assert_eq!(provisioned, read(&text).unwrap(), "the same flows with the same ids every time");
    assert_eq!(provisioned.warnings, []);
    let conference = |name| &provisioned.conferences[&derived_id("conferences", name)];
    let (a, b, c) = (conference("a"), conference("b"), conference("c"));
    for (flow_id, kinds) in [(a.pre_flow_id, vec!["answer"]), (a.post_flow_id, vec!["beep", "hangup"])] {
        let flow = &provisioned.flows[&flow_id];
        assert_eq!((flow.kind, flow.name.as_str(), flow.tm_create), (model::FlowType::Conference, "a", a.tm_create));
        assert_eq!(flow.actions.iter().map(|action| action.kind.as_str()).collect::<Vec<_>>(), kinds);
    }
    assert_eq!((b.pre_flow_id, b.post_flow_id), (Uuid::nil(), Uuid::nil()));
    assert_eq!(c.pre_flow_id, derived_id("flows", "in"), "the newer form wins");
    assert_eq!(provisioned.flows.len(), 3);
}

#[test]
fn files_are_under_the_rules_of_the_api() {
    let long = "a".repeat(256);
    for (text, expected) in [
        (
            "{\"conferences\": [{\"name\": \"a\",\n\"type\": \"queue\"}]}",
            "x.json line 2: conferences[0].type: found \"queue\", which is for the server itself; allowed: conference, connect",
        ),
        (
            "{\"conferences\": [{\"name\": \"a\",\n\"timeout\": 3162240001}]}",
            "x.json line 2: conferences[0].timeout: found 3162240001; allowed: seconds up to 3162240000; 0: never",
        ),
        (
            "{\"conferences\": [{\"name\": \"a\",\n\"post_actions\": [\n{\"type\": \"dance\"}]}]}",
            "x.json line 3: conferences[0].post_actions[0].type: unknown type: dance; allowed: a type of action that this server carries out",
        ),
        (
            "{\"numbers\": [{\"type\": \"virtual\",\n\"number\": \"+12025550123\"}]}",
            "x.json line 2: numbers[0].number: found the virtual number \"+12025550123\"; allowed: one that begins with +899",
        ),
        (
            &format!("{{\"extensions\": [{{\"extension\": \"1000\",\n\"password\": \"{long}\"}}]}}"),
            "x.json line 2: extensions[0].password: found 256 bytes; allowed: at most 255",
        ),
        (
            "{\"customers\": [{\"name\": \"a\",\n\"webhook_uri\": \"ftp://example.com/\"}]}",
            "x.json line 2: customers[0].webhook_uri: found \"ftp://example.com/\": it must begin with http:// or https://",
        ),
    ] {
        assert_eq!(faults(text), [expected], "{text}");
    }
    let text = r##"{"numbers": [{"type": "virtual", "number": "+8991"}], "extensions": [{"extension": "#31*"}]}"##;
    assert!(read(text).is_ok());
}

#[test]
fn values_of_a_wrong_type_are_told_in_words_of_json() {
    for (text, expected) in [
        (
            "{\"accesskeys\": [{\"expire\": -1}]}",
            "accesskeys[0].expire: found -1; allowed: a whole number that is not negative",
        ),
        (
            "{\"agents\": [{\"permission\": \"all\"}]}",
            "agents[0].permission: found \"all\"; allowed: a whole number from 0 to 4294967295",
        ),
        (
            "{\"customers\": [{\"id\": 5}]}",
            "customers[0].id: found 5; allowed: a UUID such as 0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0",
        ),
        (
            "{\"conferences\": [{\"type\": \"x\"}]}",
            "conferences[0].type: found \"x\"; allowed: one of conference, connect, queue, or empty",
        ),
    ] {
        assert_eq!(faults(text), [format!("x.json line 1: {expected}")], "{text}");
    }
}

#[test]
fn what_a_flow_probably_does_not_mean_is_told_with_its_line() {
    let text = "{\"flows\": [{\"name\": \"a\", \"actions\": [{\"type\": \"goto\", \"option\": {\n\"target_id\": \"x\",\n\"loop_count\": 1}}]}]}";
    let warnings = read(text).unwrap().warnings;
    assert_eq!((warnings.len(), warnings[0].line), (1, 2), "{warnings:?}");
    assert_eq!(warnings[0].path, "flows[0].actions[0].option.target_id");
    assert!(read("{\"flows\": [{\"name\": \"a\"}]}").unwrap().warnings[0].what.contains("there are no actions"));
}

#[test]
fn what_has_no_meaning_is_told_but_not_refused() {
    let text = "{\"numbers\": [{\"number\": \"a\",\n\"call_flow\": \"b\", \"tm_create\": null}]}";
    assert_eq!(
        read(text).unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "x.json line 2: numbers[0].call_flow: has no meaning and is ignored",
            "x.json line 1: numbers[0]: has no call_flow_id, calls to it will get 404",
        ]
    );
}

#[test]
fn deep_nesting_is_refused_and_nothing_breaks() {
    for text in ["[".repeat(100_000), format!("{{\"flows\": {}", "[".repeat(100_000)), "{\"a\":".repeat(100_000)] {
        assert!(read(&text).unwrap_err().0[0].what.contains("recursion limit exceeded"));
    }
}

proptest::proptest! {
    #[test]
    fn any_document_is_read_or_refused(text in "(\\{\"(flows|numbers)\": )?[\\[\\]{}\",:a0-9 \n]{0,40}") {
        if let Err(error) = read(&text) {
            assert!(!error.0.is_empty());
        }
    }
}
