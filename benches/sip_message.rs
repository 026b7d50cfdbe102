//! What one message costs: an INVITE of 1 KB with SDP, as a trunk sends it.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use sip_core::{HeaderName, Message, MessageBuilder};

/// As a trunk sends it.
const INVITE: &[u8] = include_bytes!("../crates/sip-core/tests/wire/invite_1kb.sip");

fn message(criterion: &mut Criterion) {
    let datagram = Bytes::from_static(INVITE);
    let parsed = Message::parse_datagram(datagram.clone()).expect("the INVITE of the benchmark is valid");
    let mut group = criterion.benchmark_group(format!("invite_{}_bytes", datagram.len()));
    group.bench_function("parse", |bench| {
        bench.iter(|| Message::parse_datagram(black_box(datagram.clone())));
    });
    group.bench_function("typed_via_from_to_cseq_contact", |bench| {
        bench.iter(|| {
            let message = black_box(&parsed);
            (message.top_via(), message.from(), message.to(), message.cseq(), message.contact())
        });
    });
    group.bench_function("parse_and_write_response", |bench| {
        bench.iter(|| {
            let request = Message::parse_datagram(black_box(datagram.clone())).expect("valid");
            MessageBuilder::response_to(&request, 200, "OK")
                .copy(&request, HeaderName::RecordRoute)
                .to_tag("00a8f3c2d1")
                .header(HeaderName::Contact, "<sip:flowswitch@192.0.2.1:5060>")
                .body("application/sdp", request.body())
                .build()
        });
    });
    group.bench_function("parse_and_write_again", |bench| {
        bench.iter(|| {
            let request = Message::parse_datagram(black_box(datagram.clone())).expect("valid");
            MessageBuilder::from_message(&request).build()
        });
    });
    group.finish();
}

criterion_group!(benches, message);
criterion_main!(benches);
