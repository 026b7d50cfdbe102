//! The manual and the code agree, and what is wrong is refused in the words that the operator reads.

use super::*;

const MANUAL: &str = include_str!("../../../../conf/flowswitch.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("x.toml"), text, &BTreeMap::new())
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(Path::new("x.toml"), text, &variables)
}

#[test]
fn the_manual_states_every_key_once_with_its_default_and_none_that_does_not_exist() {
    let mut manual = parse(MANUAL).unwrap();
    // The only key whose value in the file is not the default, as its head says.
    assert_eq!(manual.provision, [PathBuf::from("conf/demo.json")]);
    manual.provision.clear();
    assert_eq!(manual, Config::default());

    let written: std::collections::BTreeSet<String> = keys_of(MANUAL).into_keys().collect();
    let known = Config::default().flat().into_keys().map(|key| key.replace(".0.", ".")).collect();
    assert_eq!(written, known);
}

#[test]
fn every_key_and_section_of_the_manual_is_explained_above_it() {
    for (key, line) in keys_of(MANUAL) {
        let above = MANUAL.lines().nth(line - 2).unwrap_or_default();
        assert!(above.starts_with("# ") && above.len() > 6, "{key} at line {line} has no explanation above it");
    }
    for (index, line) in MANUAL.lines().enumerate().filter(|(_, line)| line.starts_with('[')) {
        assert!(MANUAL.lines().nth(index - 1).unwrap().starts_with("# "), "{line}");
    }
}

#[test]
fn the_manual_marks_as_reload_just_what_a_reload_takes_over() {
    let mut other = parse(MANUAL).unwrap();
    other.provision.push("another.json".into());
    for (key, line) in keys_of(MANUAL) {
        // The explanation is the comment lines right above the key.
        let lines: Vec<&str> = MANUAL.lines().take(line - 1).collect();
        let comment: Vec<&str> = lines.iter().rev().take_while(|line| line.starts_with("# ")).copied().collect();
        let marked = comment.first().is_some_and(|line| line.ends_with("(reload)"));
        assert_eq!(marked, super::reload::is_taken_over(&key), "{key}");
    }
}

/// Dotted keys with their lines, by a look at the text that knows nothing of the structs.
fn keys_of(text: &str) -> BTreeMap<String, usize> {
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains([' ', '#', '"'])) {
            assert!(keys.insert(format!("{section}{key}"), index + 1).is_none(), "{key} twice");
        }
    }
    keys
}

#[test]
fn a_wrong_configuration_is_refused_with_line_key_found_and_allowed() {
    let cases = [
        (
            "[sip.udp]\nprot = 5060",
            "x.toml line 2: sip.udp.prot: unknown key; did you mean `port`? (known here: address, port, public_address)",
        ),
        (
            "colour = 1",
            "x.toml line 1: colour: unknown key (known here: data_dir, provision, drain_seconds, sip, registrar, http, api, webhook, rtp, media, recordings, speech, flow, calls, control, store, log)",
        ),
        (
            "\n[sipp]\n",
            "x.toml line 2: sipp: unknown key; did you mean `sip`? (known here: data_dir, provision, drain_seconds, sip, registrar, http, api, webhook, rtp, media, recordings, speech, flow, calls, control, store, log)",
        ),
        (
            "[sip.udp]\nport = 70000",
            "x.toml line 2: sip.udp.port: found 70000, allowed: a whole number from 1 to 65535",
        ),
        ("[sip.udp]\nport = -1", "x.toml line 2: sip.udp.port: found -1, allowed: a whole number from 1 to 65535"),
        (
            "[sip.udp]\nport = \"5060\"",
            "x.toml line 2: sip.udp.port: found \"5060\", allowed: a whole number from 1 to 65535",
        ),
        (
            "[sip.udp]\nport = 5060.5",
            "x.toml line 2: sip.udp.port: found 5060.5, allowed: a whole number from 1 to 65535",
        ),
        (
            "[sip.udp]\nport = 99999999999999999999",
            "x.toml line 2: sip.udp.port: found 99999999999999999999, allowed: a whole number from 1 to 65535",
        ),
        (
            "[sip.udp]\naddress = \"localhost\"",
            "x.toml line 2: sip.udp.address: found \"localhost\", allowed: an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1",
        ),
        (
            "[sip.udp]\npublic_address = \"0.0.0.0\"",
            "x.toml line 2: sip.udp.public_address: found \"0.0.0.0\", allowed: an IPv4 or IPv6 address that others can send to, or \"\" for none",
        ),
        (
            "[[sip.udp]]\nport = 5060\n[[sip.udp]]\nport = 0",
            "x.toml line 4: sip.udp[1].port: found 0, allowed: a whole number from 1 to 65535",
        ),
        (
            "[[sip.udp]]\n[[sip.udp]]\nport = 5060",
            "x.toml line 2: sip.udp.1: found a table, allowed: each address and port once; 0.0.0.0:5060 is there twice",
        ),
        (
            "[sip]\nudp = []",
            "x.toml line 2: sip.udp: found a list, allowed: a table [sip.udp], or several tables [[sip.udp]]",
        ),
        (
            "[sip]\nudp = 5060",
            "x.toml line 2: sip.udp: found 5060, allowed: a table [sip.udp], or several tables [[sip.udp]]",
        ),
        (
            "[sip.udp]\nport = 10000",
            "x.toml line 2: sip.udp.port: found 10000, allowed: a port outside of the RTP range 10000-29999",
        ),
        (
            "[sip]\ntcp = 5060",
            "x.toml line 2: sip.tcp: found 5060, allowed: a table [sip.tcp], several tables [[sip.tcp]], or [] for none",
        ),
        (
            "[sip.tcp]\naddress = \"x\"",
            "x.toml line 2: sip.tcp.address: found \"x\", allowed: an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1, or \"\" for that of the first UDP listener",
        ),
        (
            "[sip.udp]\naddress = \"192.0.2.1\"\nport = 8080",
            "x.toml line 3: sip.udp.port: found 8080, allowed: a port for each; http has 0.0.0.0:8080 and sip.tcp would have 192.0.2.1:8080, where nothing else is said beside the first listener of sip.udp",
        ),
        (
            "[sip.tls]\nkey = \"a.key\"",
            "x.toml line 2: sip.tls.key: found \"a.key\", allowed: certificate and key together, or neither; certificate is missing",
        ),
        (
            "[sip.tls]\ncertificate = \"a.crt\"",
            "x.toml line 2: sip.tls.certificate: found \"a.crt\", allowed: certificate and key together, or neither; key is missing",
        ),
        (
            "[sip.udp]\nport = 8079",
            "x.toml line 2: sip.udp.port: found 8079, allowed: a port for each; http has 0.0.0.0:8080 and sip.tls would have 0.0.0.0:8080, where nothing else is said beside the first listener of sip.udp",
        ),
        (
            "[[sip.tcp]]\n[[sip.tcp]]\nport = 5060",
            "x.toml line 1: sip.tcp: found a list, allowed: a port for each; sip.tcp has 0.0.0.0:5060 and sip.tcp would have 0.0.0.0:5060, where nothing else is said beside the first listener of sip.udp",
        ),
        (
            "[sip]\nopen_networks = [\"10.0.0.0/8\",\n \"10.0.0.0/64\"]",
            "x.toml line 3: sip.open_networks[1]: found \"10.0.0.0/64\", allowed: a network such as 10.0.0.0/8 or fd00::/8, or a single address",
        ),
        (
            "[http]\nsip_origins = [\"https://a.example/\"]",
            "x.toml line 2: http.sip_origins[0]: found \"https://a.example/\", allowed: an origin in lower case such as https://phone.example.com, with no slash at its end",
        ),
        (
            "[sip]\nuser_agent = \"a\\r\\nX: y\"",
            "x.toml line 2: sip.user_agent: found \"a\\r\\nX: y\", allowed: at most 100 printable ASCII characters",
        ),
        ("[sip]\nt2_ms = 100", "x.toml line 2: sip.t2_ms: found 100, allowed: at least sip.t1_ms, which is 500"),
        ("[rtp]\nfirst_port = 20001", "x.toml line 2: rtp.first_port: found 20001, allowed: an even port"),
        (
            "[rtp]\nfirst_port = 40000",
            "x.toml line 2: rtp.first_port: found 40000, allowed: a port above rtp.first_port, which is 40000",
        ),
        (
            "[flow]\ndatetime_legacy = \"yes\"",
            "x.toml line 2: flow.datetime_legacy: found \"yes\", allowed: true or false",
        ),
        (
            "[registrar]\nshortest_seconds = 8000",
            "x.toml line 2: registrar.shortest_seconds: found 8000, allowed: at most registrar.longest_seconds, which is 7200",
        ),
        (
            "[registrar]\nlongest_seconds = 30",
            "x.toml line 2: registrar.longest_seconds: found 30, allowed: at least registrar.shortest_seconds, which is 60",
        ),
        (
            "[registrar]\nusual_seconds = 7201",
            "x.toml line 2: registrar.usual_seconds: found 7201, allowed: at most registrar.longest_seconds, which is 7200",
        ),
        ("[media]\nfolder = \"\"", "x.toml line 2: media.folder: found \"\", allowed: the path of a folder"),
        (
            "[log]\nlevel = \"loud\"",
            "x.toml line 2: log.level: found \"loud\", allowed: off, error, warn, info, debug or trace, and after commas exceptions such as sip_transport=debug",
        ),
        ("[log]\nformat = \"xml\"", "x.toml line 2: log.format: found \"xml\", allowed: auto, text, json"),
        ("[log]\nformat = 3", "x.toml line 2: log.format: found 3, allowed: auto, text, json"),
        ("log = \"info\"", "x.toml line 1: log: found \"info\", allowed: a section of keys"),
        ("provision = \"demo.json\"", "x.toml line 1: provision: found \"demo.json\", allowed: a list"),
        ("provision = [1]", "x.toml line 1: provision[0]: found 1, allowed: a path, in quotes"),
        ("drain_seconds = 1\ndrain_seconds = 2", "x.toml line 2: not valid TOML: duplicate key"),
        ("a = ", "x.toml line 1: not valid TOML: string values must be quoted, expected literal string"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn a_variable_overrides_the_file_and_is_read_as_its_key_wants_it() {
    let config = with_variables(
        "[sip.udp]\nport = 5061\n[log]\nlevel = \"warn\"",
        &[
            ("FLOWSWITCH_SIP__UDP__PORT", "5070"),
            ("FLOWSWITCH_SIP__USER_AGENT", "5"),
            ("FLOWSWITCH_FLOW__DATETIME_LEGACY", "true"),
            ("FLOWSWITCH_PROVISION", "a.json, b.json"),
            ("FLOWSWITCH_SIP__OPEN_NETWORKS", "[\"127.0.0.0/8\"]"),
            ("FLOWSWITCH_LOG__FORMAT", "json"),
            ("FLOWSWITCH_DRAIN_SECONDS", "7"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.sip.udp[0].port, 5070);
    assert_eq!(config.sip.user_agent, "5");
    assert!(config.flow.datetime_legacy);
    assert_eq!(config.provision, [PathBuf::from("a.json"), PathBuf::from("b.json")]);
    assert_eq!(config.sip.open_networks, ["127.0.0.0/8".parse::<ipnet::IpNet>().unwrap()]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level.to_string(), "warn");
    assert_eq!(config.drain_seconds, 7);
}

#[test]
fn a_bare_address_is_a_network_of_one() {
    let config = parse("sip.open_networks = [\"192.0.2.7\", \"2001:db8::/32\"]").unwrap();
    assert_eq!(
        config.sip.open_networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["192.0.2.7/32", "2001:db8::/32"]
    );
}

#[test]
fn listeners_are_addressed_by_number_or_without_where_there_is_one() {
    let ports = |text: &str, variables: &[(&str, &str)]| {
        with_variables(text, variables).map(|c| c.sip.udp.iter().map(|l| l.port).collect::<Vec<_>>())
    };
    assert_eq!(ports("", &[("FLOWSWITCH_SIP__UDP__PORT", "5070")]).unwrap(), [5070]);
    assert_eq!(ports("[[sip.udp]]\nport=5061", &[("FLOWSWITCH_SIP__UDP__PORT", "5070")]).unwrap(), [5070]);
    assert_eq!(ports("[sip.udp]\nport=5061", &[("FLOWSWITCH_SIP__UDP__0__PORT", "5070")]).unwrap(), [5070]);
    assert_eq!(ports("[sip.udp]\nport=5061", &[("FLOWSWITCH_SIP__UDP__1__PORT", "5070")]).unwrap(), [5061, 5070]);
    assert_eq!(
        ports("[[sip.udp]]\nport=5061\n[[sip.udp]]\nport=5062", &[("FLOWSWITCH_SIP__UDP__1__PORT", "5070")]).unwrap(),
        [5061, 5070]
    );
    let two = "[[sip.udp]]\nport=5061\n[[sip.udp]]\nport=5062";
    assert_eq!(
        ports(two, &[("FLOWSWITCH_SIP__UDP__PORT", "5070")]).unwrap_err().to_string(),
        "environment variable FLOWSWITCH_SIP__UDP__PORT: sip.udp.port: there are 2 of them; say which by its number, from 0: `__0__PORT`"
    );
    assert_eq!(
        ports(two, &[("FLOWSWITCH_SIP__UDP__4294967295__PORT", "5070")]).unwrap_err().to_string(),
        "environment variable FLOWSWITCH_SIP__UDP__4294967295__PORT: sip.udp.4294967295.port: there are 2 of them; the next number is 2"
    );
}

#[test]
fn a_wrong_variable_is_refused_by_its_name() {
    let cases = [
        (
            ("FLOWSWITCH_SIP__UDP__PORT", "abc"),
            "environment variable FLOWSWITCH_SIP__UDP__PORT: sip.udp.port: found \"abc\", allowed: a whole number from 1 to 65535",
        ),
        (
            ("FLOWSWITCH_SIP__UDP__PROT", "1"),
            "environment variable FLOWSWITCH_SIP__UDP__PROT: sip.udp.prot: unknown key; did you mean `port`? (known here: address, port, public_address)",
        ),
        (("FLOWSWITCH_SIP", "1"), "environment variable FLOWSWITCH_SIP: sip: found \"1\", allowed: a section of keys"),
        (
            ("FLOWSWITCH_SIP__T1_MS__X", "1"),
            "environment variable FLOWSWITCH_SIP__T1_MS__X: sip.t1_ms: found a table, allowed: a whole number from 10 to 10000",
        ),
        (
            ("FLOWSWITCH_FLOW__DATETIME_LEGACY", "maybe"),
            "environment variable FLOWSWITCH_FLOW__DATETIME_LEGACY: flow.datetime_legacy: found \"maybe\", allowed: true or false",
        ),
        (("FLOWSWITCH_", "1"), "environment variable FLOWSWITCH_: unknown key"),
    ];
    for (variable, expected) in cases {
        let text = with_variables("", &[variable]).unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}\nis not\n{expected}");
    }
}

#[test]
fn what_an_orchestrator_sets_for_a_service_of_our_name_is_not_taken_for_a_key() {
    let config = with_variables(
        "",
        &[
            ("FLOWSWITCH_SERVICE_HOST", "10.0.0.1"),
            ("FLOWSWITCH_PORT", "udp://10.0.0.1:5060"),
            ("FLOWSWITCH_PORT_5060_UDP", "x"),
        ],
    );
    assert_eq!(config.unwrap(), Config::default());
}

#[test]
fn deeply_nested_and_binary_text_is_refused_and_nothing_breaks() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        "a.".repeat(50_000) + "b = 1",
        "\u{0}\u{1}".into(),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn a_missing_file_is_named() {
    let text = Config::load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert_eq!(text, "no/such.toml: cannot be read: No such file or directory (os error 2)");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z_.\\[\\]= \"{},0-9]{0,12}\n?){0,12}", value in ".{0,20}", name in "[A-Z_0-9]{0,24}") {
        let _ = with_variables(&text, &[(&format!("FLOWSWITCH_{name}"), &value)]);
    }
}

/// The TOML reader takes a prefix without digits for a number.
#[test]
fn a_number_that_is_none_is_shown_as_it_was_written() {
    let error = parse("[rtp]\nlast_port = 0x\n").unwrap_err().to_string();
    assert!(error.starts_with("x.toml line 2: rtp.last_port: found 0x, allowed: "), "{error}");
    let error = parse(&format!("[rtp]\nlast_port = {}\n", "9".repeat(5_000))).unwrap_err().to_string();
    assert!(error.len() < 200, "{error}");
}
