//! A REGISTER that the network repeats is no replay: the transaction answers it, the registrar sees it once.

use base::{LoopId, Random};
use call::registrar::{AddressOfRecord, Authenticator, BindingSettings, DigestSettings, Identity, Question};
use model::PasswordDigests;
use sip_core::digest::{Algorithm, ServerKey, ha1};
use sip_core::register::{Register, accepted};
use sip_core::{Endpoint, EndpointConfig, EndpointEvent, Output};
use uuid::Uuid;

use crate::phone::{REALM, answer, at, from, request};

#[test]
fn a_repeated_register_gets_the_same_200_and_reaches_the_registrar_once() {
    let mut endpoint = Endpoint::new(LoopId(0), Random::from_seed([1; 32]), EndpointConfig::default());
    let mut authenticator = Authenticator::new(ServerKey::new([5; 32]), LoopId(0));
    let stored = |algorithm| ha1(algorithm, "1000", REALM, "secret");
    let digests = PasswordDigests { md5: stored(Algorithm::Md5), sha256: stored(Algorithm::Sha256) };
    let mut record = AddressOfRecord::new(Uuid::nil(), Uuid::nil());
    let (settings, hop) = (DigestSettings::default(), from("192.0.2.7:5060"));
    let (mut asked, mut registered, mut sent) = (0, 0, Vec::new());
    let mut lines = String::new();
    // The first try, then the answer to the challenge, which the network brings three times.
    for (second, cseq) in [(0, 1), (1, 2), (2, 2), (3, 2)] {
        endpoint.handle_message(at(second), request("REGISTER", "c1", cseq, &lines), hop);
        while let Some(output) = endpoint.poll_output() {
            let (transaction, request) = match output {
                Output::Transmit { message, .. } => {
                    sent.push(message);
                    continue;
                }
                Output::Event(EndpointEvent::Request { transaction, request, .. }) => (transaction, request),
                Output::Event(other) => panic!("{other:?}"),
            };
            let question = Question {
                request: &request,
                hop: &hop,
                realm: REALM,
                random: 1,
                is_known_phone: false,
                settings: &settings,
            };
            let response = match authenticator.identify(at(second), &question, |_| Some(&digests)) {
                Identity::Refused(refusal) => {
                    asked += 1;
                    let credentials = answer(&refusal.rejection.headers[0].1, "1000", "secret", "REGISTER", 1);
                    lines = format!("Authorization: {credentials}\nContact: <sip:1000@192.0.2.7>\n");
                    refusal.rejection.response_to(&request)
                }
                Identity::Known { .. } => {
                    registered += 1;
                    let register = Register::read(&request).unwrap();
                    let done = record.register(at(second), &register, &hop, &BindingSettings::default()).unwrap();
                    accepted(&request, &done.contacts)
                }
            };
            let response = response.to_tag("00t").build();
            endpoint.respond(at(second), transaction, response);
        }
    }
    assert_eq!((asked, registered, sent.len()), (1, 1, 4));
    assert!(sent[0].starts_with(b"SIP/2.0 401 ") && sent[1].starts_with(b"SIP/2.0 200 "));
    assert_eq!((&sent[2], &sent[3]), (&sent[1], &sent[1]));
    assert_eq!(authenticator.counters.replayed, 0);
}
