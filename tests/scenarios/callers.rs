//! Who may call what (design, section 5, addressing): strangers reach numbers, phones prove who they are, and nobody finds out
//! by asking which extensions exist.

use support::{NoteKind, Phone, World, scenario, scenario_of_one_loop};

use crate::{echo, quiet};

fn phone(world: &World, name: &str, user: &str, password: &str) -> Phone {
    let phone = world.phone(name);
    phone.has_account(user, password);
    phone
}

fn hangs_up(phone: &Phone) {
    phone.waits_ms(20);
    phone.hangs_up();
    phone.gets_for(200, "BYE");
}

#[test]
fn a_phone_calls_a_number_from_anywhere_and_is_known_by_its_extension() {
    scenario("phone_calls_number", |world| {
        world.settings(|settings| settings.open_networks = vec!["10.0.0.0/8".parse().expect("a network")]);
        world.number("echo", echo());
        let extension = world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000", "secret");
        alice.calls_with_password("echo");
        alice.gets(200);
        let call = world.last("call_created");
        assert_eq!(call["source"]["type"], "extension");
        assert_eq!(call["source"]["target"], extension.id.to_string());
        assert_eq!(call["source"]["target_name"], "1000");
        assert_eq!((&call["destination"]["type"], &call["destination"]["target"]), (&"tel".into(), &"echo".into()));
        hangs_up(&alice);
        world.says("the same phone with a wrong password");
        let mallory = phone(world, "mallory", "1000", "guess");
        mallory.calls_with_password("echo");
        mallory.gets(403);
        assert!(world.noted(|note| matches!(note, NoteKind::WrongPassword { method, .. } if method == "INVITE")));
        world.says("a stranger without an account");
        let stranger = world.phone("stranger");
        stranger.calls("echo");
        stranger.gets(407);
        world.is_empty_after_40_s();
    });
}

#[test]
fn in_an_open_network_numbers_need_no_password_but_a_wrong_one_is_not_taken() {
    scenario("open_number", |world| {
        world.number("quiet", quiet());
        world.extension("1000", "secret");
        let alice = phone(world, "alice", "1000", "secret");
        alice.is_connected_to("quiet");
        assert_eq!(world.last("call_created")["source"]["type"], "tel");
        hangs_up(&alice);
        let mallory = phone(world, "mallory", "1000", "guess");
        mallory.calls("1000");
        mallory.gets(407);
        mallory.calls("quiet");
        mallory.gets(403);
        world.is_empty_after_40_s();
    });
}

/// RFC 3325: what an open network asserts is believed; a phone is its extension, whatever it asserts.
#[test]
fn an_asserted_identity_is_that_of_the_caller_but_not_of_a_phone() {
    scenario("asserted_identity", |world| {
        world.number("quiet", quiet());
        let extension = world.extension("1000", "secret");
        let carrier = world.phone("carrier");
        let calls = |lines: &str| {
            carrier.behaves(|manners| manners.invite_lines = lines.to_owned());
            carrier.is_connected_to("quiet");
            let source = world.last("call_created")["source"].clone();
            hangs_up(&carrier);
            [source["type"].clone(), source["target"].clone(), source["target_name"].clone()]
        };
        const ANN: &str = "P-Asserted-Identity: \"Ann\" <sip:+12025550123@carrier.example;user=phone>\r\n";
        assert_eq!(calls(ANN), ["tel", "+12025550123", "Ann"]);
        assert_eq!(calls(&format!("{ANN}Privacy: id\r\n")), ["tel", "carrier", "carrier"]);
        assert_eq!(calls("P-Asserted-Identity: \"\r\n"), ["tel", "carrier", "carrier"]);
        world.settings(|settings| settings.open_networks.clear());
        let alice = phone(world, "alice", "1000", "secret");
        alice.behaves(|manners| manners.invite_lines = ANN.to_owned());
        alice.calls_with_password("quiet");
        alice.gets(200);
        let source = world.last("call_created")["source"].clone();
        assert_eq!((&source["type"], &source["target"]), (&"extension".into(), &extension.id.to_string().into()));
        hangs_up(&alice);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_conference_is_for_phones_unless_it_is_opened() {
    scenario("phone_calls_conference", |world| {
        let id = world.conference("staff", |_| {});
        world.extension("1000", "secret");
        let dialled = format!("conference:{id}");
        let (alice, bob) = (phone(world, "alice", "1000", "secret"), world.phone("bob"));
        alice.calls_with_password(&dialled);
        alice.gets(200);
        let call = world.last("call_created");
        assert_eq!(call["destination"]["type"], "conference");
        assert_eq!(call["destination"]["target"], id.to_string());
        bob.calls(&dialled);
        bob.gets(404);
        hangs_up(&alice);
        world.settings(|settings| settings.open_conferences = true);
        bob.calls(&dialled);
        bob.gets(200);
        hangs_up(&bob);
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_direct_address_is_for_whoever_knows_it() {
    scenario("direct", |world| {
        world.conference("staff", |conference| conference.direct_hash = "direct.0123456789ab".into());
        world.number("quiet", quiet());
        world.direct_flow("quiet", "direct.ba9876543210");
        let extension = world.extension("1000", "secret");
        assert!(extension.direct_hash.is_empty());
        let bob = world.phone("bob");
        for user in ["direct.0123456789ab", "direct.ba9876543210"] {
            bob.calls(user);
            bob.gets(200);
            hangs_up(&bob);
        }
        bob.calls("direct.000000000000");
        bob.gets(404);
        bob.calls("direct.");
        bob.gets(404);
        world.is_empty_after_40_s();
    });
}

#[test]
fn phones_cannot_be_called_yet_and_are_told_so() {
    scenario("phone_calls_phone", |world| {
        world.extension("1000", "secret");
        world.extension("1001", "secret");
        let alice = phone(world, "alice", "1000", "secret");
        for user in ["1001", "agent:3f2e1d0c-0000-4000-8000-000000000001"] {
            alice.calls_with_password(user);
            alice.gets(480);
            let answer = alice.last_response(480);
            assert!(answer.starts_with("SIP/2.0 480 Calls to phones are not supported yet\r\n"), "{answer}");
        }
        alice.calls_with_password("4711");
        alice.gets(404);
        world.says("who does not say who it is reaches the number of that name");
        world.number("1001", quiet());
        let bob = world.phone("bob");
        bob.is_connected_to("1001");
        hangs_up(&bob);
        world.is_empty_after_40_s();
    });
}

/// Everything that differs from one request to the next by chance or by what was asked for.
fn masked(response: &str, users: &[&str]) -> String {
    let mut text = String::new();
    for line in response.lines() {
        let line = match line.split_once("nonce=\"") {
            Some((before, after)) => {
                let (nonce, rest) = after.split_once('"').expect("a nonce has an end");
                format!("{before}nonce={} digits{rest}", nonce.len())
            }
            None => line.split(";tag=").next().unwrap_or_default().split(";branch=").next().unwrap_or_default().into(),
        };
        let is_ours = line.starts_with("Via") || line.starts_with("Call-ID") || line.starts_with("From");
        if !is_ours {
            text.push_str(&users.iter().fold(line, |line, user| line.replace(user, "USER")));
            text.push('\n');
        }
    }
    text
}

/// What tools that look for extensions see: every answer and how long it took.
fn probe(world: &World, name: &str, user: &str, dialled: &str) -> Vec<(String, u64)> {
    let phone = phone(world, name, user, "guess");
    let mut seen = Vec::new();
    let mut note = |status, since_ms| {
        let response = phone.last_response(status);
        seen.push((masked(&response, &[user, dialled]), world.elapsed_ms() - since_ms));
    };
    let since_ms = world.elapsed_ms();
    phone.sends_register("Contact: <sip:{user}@{me}>\r\n");
    phone.is_told(401);
    note(401, since_ms);
    for _ in 0..6 {
        let since_ms = world.elapsed_ms();
        phone.answers_challenge();
        phone.is_told(403);
        note(403, since_ms);
    }
    phone.forgets_challenge();
    let since_ms = world.elapsed_ms();
    phone.calls(dialled);
    phone.gets(407);
    note(407, since_ms);
    phone.waits_ms(20);
    let since_ms = world.elapsed_ms();
    phone.calls_again_with_password();
    phone.gets(403);
    note(403, since_ms);
    seen
}

/// Each loop slows those who guess for itself, so the times of one loop are compared.
#[test]
fn known_and_unknown_extensions_are_answered_alike() {
    for (name, network) in [("probe_open", "127.0.0.0/8"), ("probe_closed", "10.0.0.0/8")] {
        scenario_of_one_loop(name, |world| {
            world.settings(|settings| settings.open_networks = vec![network.parse().expect("a network")]);
            world.extension("1001", "secret");
            world.extension("1002", "secret");
            let seen = [("1001", "1002"), ("4711", "1002"), ("1001", "4712"), ("4711", "4712")]
                .map(|(user, dialled)| probe(world, &format!("p{user}to{dialled}"), user, dialled));
            for other in &seen[1..] {
                assert_eq!(&seen[0], other);
            }
            world.says("and without a word of who one is");
            let seen = ["1001", "4711"].map(|dialled| {
                let phone = world.phone(&format!("s{dialled}"));
                phone.calls(dialled);
                let status = if name == "probe_open" { 404 } else { 407 };
                phone.gets(status);
                masked(&phone.last_response(status), &[dialled])
            });
            assert_eq!(seen[0], seen[1]);
            world.is_empty_after_40_s();
        });
    }
}

/// A phone on this machine may send from its address for the outside, which is in no open network.
#[test]
fn who_calls_a_loopback_address_of_ours_is_on_this_machine() {
    scenario("from_this_machine", |world| {
        world.number("quiet", quiet());
        world.settings(|settings| settings.open_networks = vec!["127.0.0.1/32".parse().expect("a network")]);
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        hangs_up(&alice);
        world.settings(|settings| settings.open_networks.clear());
        alice.calls("quiet");
        alice.gets(403);
        world.is_empty_after_40_s();
    });
}

/// RFC 3261 §26.3.2.4: a forged source gets one answer for one INVITE, and costs no memory.
#[test]
fn a_caller_who_is_asked_for_a_password_or_refused_without_one_is_told_once() {
    scenario("challenge_once", |world| {
        world.settings(|settings| settings.open_networks.clear());
        let stranger = world.phone("stranger");
        stranger.behaves(|manners| (manners.acks_failure, manners.repeats) = (false, false));
        stranger.calls("echo");
        stranger.gets(403);
        world.passes_ms(10_000);
        assert_eq!(stranger.count(403, "INVITE"), 1);
        world.extension("1000", "secret");
        stranger.calls("echo");
        stranger.gets(407);
        world.passes_ms(10_000);
        assert_eq!(stranger.count(407, "INVITE"), 1);
        world.is_empty_after_40_s();
    });
}

/// spec/media.md §1 and §2.
#[test]
fn whoever_dials_at_the_phones_own_domain_is_asked_for_a_password_and_unknown_domains_lead_nowhere() {
    scenario("dialled_domains", |world| {
        world.number("quiet", quiet());
        world.extension("1000", "secret");
        let at = |phone: &Phone, host: &str| phone.behaves(|manners| manners.dials_at = Some(host.to_owned()));
        const OWN: &str = "00000000-0000-0000-0000-000000000000.registrar.flowswitch.local";
        let stranger = world.phone("stranger");
        for (host, status) in [
            (OWN, 407),
            ("00000000-0000-0000-0000-000000000001.registrar.flowswitch.local", 404),
            ("pbx.trunk.flowswitch.local", 404),
            ("sip.flowswitch.local", 200),
            ("elsewhere.example", 200),
        ] {
            at(&stranger, host);
            stranger.calls("quiet");
            stranger.gets(status);
            if status == 200 {
                hangs_up(&stranger);
            }
        }
        let alice = phone(world, "alice", "1000", "secret");
        at(&alice, OWN);
        alice.calls_with_password("quiet");
        alice.gets(200);
        assert_eq!(world.last("call_created")["source"]["type"], "extension");
        hangs_up(&alice);
        at(&alice, "pbx.trunk.flowswitch.local");
        alice.forgets_challenge();
        alice.calls("quiet");
        alice.gets(404);
        world.is_empty_after_40_s();
    });
}

#[test]
fn where_there_are_no_phones_their_domain_leads_nowhere() {
    scenario("no_phones_domain", |world| {
        world.number("quiet", quiet());
        let stranger = world.phone("stranger");
        let own = "00000000-0000-0000-0000-000000000000.Registrar.flowswitch.local";
        stranger.behaves(|manners| manners.dials_at = Some(own.to_owned()));
        stranger.calls("quiet");
        stranger.gets(404);
        world.is_empty_after_40_s();
    });
}
