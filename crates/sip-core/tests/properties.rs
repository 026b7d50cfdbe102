//! What holds for every input: nothing panics, nothing is changed, what is written can be read.

mod wire;

use bytes::Bytes;
use proptest::prelude::*;
use sip_core::digest::{Algorithm, Credentials, challenges};
use sip_core::{HeaderName, Message, MessageBuilder, Method, NameAddr, Uri, Via};
use wire::generate::{mutate, mutations, request, sip_uri};
use wire::touch::{read_uri, touch};

fn header_name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9!%*_+`'~.-]{1,12}", "[ -~]{0,6}", "[vfticmlkseoru]", Just("Content-Length".to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        touch(&bytes);
        let bytes = Bytes::from(bytes);
        if let Ok(uri) = Uri::parse(bytes.clone()) {
            read_uri(&uri);
        }
        if let Ok(address) = NameAddr::parse(bytes.clone()) {
            prop_assert_eq!(address.as_bytes(), &bytes);
        }
        if let Ok(via) = Via::parse(bytes.clone()) {
            prop_assert_eq!(via.as_bytes(), &bytes);
        }
    }

    #[test]
    fn arbitrary_header_text_never_panics(value in "([\\x00-\\x7f]|\"|<|>|;|,|\r\n |\\\\){0,60}", name in "(v|f|t|m|i|l|c|Route|CSeq)") {
        let text = wire::request("INVITE sip:b@example.com SIP/2.0", &format!("{name}: {value}\n"), "");
        touch(&wire::wire(&text));
    }

    #[test]
    fn mutated_messages_never_panic(request in request(), mutations in mutations()) {
        let mut bytes = request.text.into_bytes();
        mutate(&mut bytes, &mutations);
        touch(&bytes);
    }

    #[test]
    fn valid_messages_are_read_and_kept_byte_for_byte(request in request()) {
        let message = touch(request.text.as_bytes()).expect("it is valid");
        prop_assert_eq!(message.as_bytes(), &request.text);
        prop_assert_eq!(message.method().as_str(), &request.method);
        prop_assert_eq!(message.request_uri(), Some(request.uri.as_str()));
        prop_assert_eq!(message.call_id(), &request.call_id);
        prop_assert_eq!(message.cseq().unwrap().number, request.cseq);
        prop_assert_eq!(message.from_tag(), Some(request.from_tag.as_str()));
    }

    #[test]
    fn a_noted_source_changes_the_top_via_and_nothing_else(
        request in request(), mutations in mutations(), source in any::<std::net::SocketAddr>()
    ) {
        let mut mutated = request.text.clone().into_bytes();
        mutate(&mut mutated, &mutations);
        for bytes in [request.text.into_bytes(), mutated] {
            let Ok(received) = Message::parse_datagram(bytes.into()) else { continue };
            let noted = received.clone().with_source(source);
            let top = received.top_via().unwrap().with_source(source);
            prop_assert_eq!(noted.top_via().unwrap().to_string(), top.to_string());
            prop_assert!(noted.vias().skip(1).eq(received.vias().skip(1)), "{noted:?}");
            prop_assert!(noted.headers(HeaderName::Via).count() == received.headers(HeaderName::Via).count(), "{noted:?}");
            let others = |message: &Message| -> Vec<(Vec<u8>, Vec<u8>)> {
                let is_other = |known| !matches!(known, Some(HeaderName::Via | HeaderName::ContentLength));
                let others = message.lines().filter(|line| is_other(line.known));
                others.map(|line| (line.name.to_vec(), line.value.to_vec())).collect()
            };
            prop_assert_eq!(others(&noted), others(&received));
            prop_assert_eq!(noted.body(), received.body());
            prop_assert_eq!(noted.request_uri(), received.request_uri());
            let read = Message::parse_datagram(noted.as_bytes().clone()).unwrap();
            prop_assert!(read.lines().eq(noted.lines()) && read.body() == noted.body(), "{noted:?}");
        }
    }

    #[test]
    fn what_is_built_is_what_is_read(
        uri in prop_oneof![sip_uri(), "[\\x00-\\x7f]{1,30}"],
        headers in prop::collection::vec((header_name(), prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        body in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut builder = MessageBuilder::request(Method::Message, &uri).header(HeaderName::CSeq, "1 MESSAGE");
        for (name, value) in &headers {
            builder = builder.append(name.as_str(), value);
        }
        let built = builder.body("application/octet-stream", body.clone()).build();
        let read: Message = rmp_serde::from_slice(&rmp_serde::to_vec(&built).unwrap()).unwrap();
        prop_assert!(built.lines().eq(read.lines()), "{:?}", built);
        prop_assert_eq!(read.body(), body);
        prop_assert_eq!(read.request_uri(), built.request_uri());
        prop_assert_eq!(read.lines().filter(|line| line.known == Some(HeaderName::ContentLength)).count(), 1);
        let written = headers.iter().filter(|(name, _)| {
            let field = sip_core::HeaderField::from(name.as_str());
            field.is_valid() && field != HeaderName::ContentLength.into()
        });
        // CSeq, Content-Type (unless one was among the headers) and Content-Length besides.
        let own = 2 + usize::from(!headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("c") || name.eq_ignore_ascii_case("content-type")));
        prop_assert!(read.lines().count() <= written.clone().count() + own);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("c") || name.eq_ignore_ascii_case("content-type")) {
            prop_assert_eq!(read.lines().count(), written.count() + own);
        }
    }

    #[test]
    fn arbitrary_credentials_never_panic(value in "(Digest )?([\\x00-\\x7f]|\"|,|=| |\\\\|realm=|uri=\"){0,80}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Credentials::parse(value.as_bytes());
        let _ = Credentials::parse(&[b"Digest ", &bytes[..]].concat());
    }

    #[test]
    fn credentials_are_read_in_any_order_and_quoting(
        user in "[ -~]{0,20}",
        words in prop::collection::vec("[a-zA-Z0-9:@/._~-]{1,20}", 7),
        quoted in prop::collection::vec(any::<bool>(), 8),
        order in Just((0..9usize).collect::<Vec<_>>()).prop_shuffle(),
        (gap, tail) in ("[ \t]{0,2},[ \t,]{0,3}", "(, x=y){0,3}"),
    ) {
        let names = ["realm", "nonce", "uri", "response", "cnonce", "qop", "algorithm"];
        let escaped = user.replace('\\', "\\\\").replace('"', "\\\"");
        let mut parts = vec![format!("username=\"{escaped}\""), "opaque=\"\"".to_owned()];
        parts.extend(names.iter().zip(&words).zip(&quoted).map(|((name, word), quoted)| match quoted {
            true => format!("{name} = \"{word}\""),
            false => format!("{name}={word}"),
        }));
        let parts: Vec<_> = order.iter().map(|&at| parts[at].clone()).collect();
        let text = format!("Digest {}{tail}", parts.join(&gap));
        let read = Credentials::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(read.username.as_ref(), user.as_bytes());
        let got = [read.realm.as_ref(), read.nonce, read.uri, read.response, read.cnonce.unwrap(), read.qop.unwrap(), read.algorithm.unwrap()];
        prop_assert!(got.iter().zip(&words).all(|(got, word)| *got == word.as_bytes()), "{}", text);
    }

    #[test]
    fn a_realm_is_the_same_after_its_challenge_was_read(realm in "[ -~]{0,30}") {
        let challenge = challenges(&realm, "0f", &[Algorithm::Md5], false).next().unwrap();
        let answer = format!("{challenge}, username=a, uri=b, response=c");
        let read = Credentials::parse(answer.as_bytes()).unwrap();
        prop_assert_eq!(read.realm.as_ref(), realm.as_bytes());
    }

    #[test]
    fn uri_comparison_is_symmetric(a in sip_uri(), b in sip_uri(), c in "sip:[ab]@[ab](;[xy]=[12]){0,2}", d in "sip:[ab]@[ab](;[xy]=[12]){0,2}") {
        for (a, b) in [(&a, &b), (&c, &d), (&a, &c)] {
            let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(a.matches(&b), b.matches(&a));
            prop_assert!(a.matches(&a));
        }
    }
}
