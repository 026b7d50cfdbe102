//! Valid messages of many shapes, as proptest strategies.

use proptest::prelude::*;

/// The parts a generated request was made of.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) from_tag: String,
    pub(crate) text: String,
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,8}(\\.[a-z][a-z0-9]{1,5}){0,2}",
        any::<[u8; 4]>().prop_map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
        any::<[u8; 16]>().prop_map(|ip| format!("[{}]", std::net::Ipv6Addr::from(ip))),
    ]
}

pub(crate) fn sip_uri() -> impl Strategy<Value = String> {
    let user = prop_oneof!["[a-z0-9+._~-]{1,12}", "[a-z]{1,4}%20[a-z]{1,4}", "\\+[0-9]{5,15}"];
    let params = prop_oneof![Just(""), Just(";transport=udp"), Just(";user=phone"), Just(";lr;x=%61")];
    (prop::option::of(user), host(), prop::option::of(1u16..), params).prop_map(|(user, host, port, params)| {
        let user = user.map(|user| user + "@").unwrap_or_default();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("sip:{user}{host}{port}{params}")
    })
}

fn address() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just(String::new()), "[A-Z][a-z]{0,8} ", "\"[ -!#-\\[\\]-~]{0,12}\" "];
    (name, sip_uri()).prop_map(|(name, uri)| format!("{name}<{uri}>"))
}

fn extra() -> impl Strategy<Value = String> {
    prop_oneof![
        "X-[A-Za-z-]{1,10}: [ -~]{0,30}".prop_map(|line| line.trim_end().to_owned()),
        "[a-z]{2,9}-x: \\p{L}{0,10}",
        address().prop_map(|address| format!("Contact: {address};expires=60")),
        Just("Supported: timer, replaces".to_owned()),
        Just("Subject: folded\r\n  value".to_owned()),
        Just("Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>".to_owned()),
    ]
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let method = prop::sample::select(vec!["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "MESSAGE"]);
    let ids = ("[a-zA-Z0-9.-]{1,20}(@[a-z0-9.]{1,10})?", any::<u32>(), "[a-zA-Z0-9.-]{1,12}");
    let via = (host(), prop::option::of(1u16..), "z9hG4bK[a-z0-9]{1,10}");
    (method, sip_uri(), ids, via, (address(), address()), prop::collection::vec(extra(), 0..5), "[ -~]{0,40}").prop_map(
        |(method, uri, (call_id, cseq, from_tag), (host, port, branch), (from, to), extra, body)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let extra: String = extra.iter().map(|line| format!("{line}\r\n")).collect();
            let text = format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}{port};branch={branch}\r\nMax-Forwards: 70\r\n\
                 From: {from};tag={from_tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            Request { method: method.to_owned(), uri, call_id, cseq, from_tag, text }
        },
    )
}

/// One change of some bytes.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize, usize),
    Truncate(prop::sample::Index),
}

pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<prop::sample::Index>;
    let sign = prop::sample::select(b"\r\n \t:;,<>\"\\@?=/%[]*0\0\xff".to_vec());
    let one = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (at(), sign.clone()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (at(), prop::collection::vec(sign, 1..6)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (at(), 1usize..20).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (at(), 1usize..30, 1usize..20).prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        at().prop_map(Mutation::Truncate),
    ];
    prop::collection::vec(one, 1..6)
}

pub(crate) fn mutate(bytes: &mut Vec<u8>, mutations: &[Mutation]) {
    for mutation in mutations {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        match mutation {
            Mutation::Replace(at, byte) => bytes[at.index(size)] = *byte,
            Mutation::Insert(at, inserted) => {
                let at = at.index(size);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Mutation::Remove(at, length) => {
                let at = at.index(size);
                bytes.drain(at..(at + length).min(size));
            }
            Mutation::Repeat(at, length, times) => {
                let at = at.index(size);
                let part = bytes[at..(at + length).min(size)].repeat(*times);
                bytes.splice(at..at, part);
            }
            Mutation::Truncate(at) => bytes.truncate(at.index(size)),
        }
    }
}
