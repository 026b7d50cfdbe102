//! Uses everything a message offers: for tests in which nothing may panic.

use bytes::Bytes;
use sip_core::header::HeaderError;
use sip_core::{Contacts, HeaderName, Message, MessageBuilder, NameAddr, Uri};

/// Reads `datagram`; a message that comes of it must hold together, an error must be answerable or not without panic.
pub(crate) fn touch(datagram: &[u8]) -> Option<Message> {
    let source = ([192, 0, 2, 200], 5062).into();
    let message = match Message::parse_datagram(Bytes::copy_from_slice(datagram)) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let reply = error.reply(source);
            assert_eq!(reply.is_some(), error.can_reply());
            if let Some(reply) = reply {
                assert!(reply.starts_with(b"SIP/2.0 ") && reply.ends_with(b"\r\n\r\n"));
                assert!(reply.len() < datagram.len() + 400, "an answer is not much longer than what caused it");
            }
            return None;
        }
    };
    let inside = datagram.windows(message.as_bytes().len()).any(|window| window == message.as_bytes());
    assert!(inside, "a message is a piece of its datagram");
    let again = Message::parse_datagram(message.as_bytes().clone()).expect("what was read can be read again");
    assert_eq!(again, message);
    read_everything(&message);
    let copy = MessageBuilder::from_message(&message).build();
    let read = Message::parse_datagram(copy.as_bytes().clone()).expect("what was written can be read");
    assert!(copy.lines().eq(read.lines()), "{copy:?}");
    assert_eq!(
        (read.body(), read.method(), read.request_uri()),
        (message.body(), message.method(), message.request_uri())
    );
    assert_eq!((read.call_id(), read.cseq(), read.from_tag()), (message.call_id(), message.cseq(), message.from_tag()));
    if message.is_request() {
        let noted = message.clone().with_source(source);
        let response = MessageBuilder::response_to(&noted, 200, "OK").to_tag("00b1").build();
        let response = Message::parse_datagram(response.as_bytes().clone())
            .unwrap_or_else(|error| panic!("a response can be read: {error}\n{response:.2000}\n{message:.2000}"));
        assert_eq!(response.call_id(), message.call_id());
        assert_eq!(response.method(), message.method());
        assert!(response.to_tag().is_some());
        assert_eq!(response.vias().count(), message.vias().count());
    }
    Some(message)
}

fn read_everything(message: &Message) {
    for line in message.lines() {
        assert!(!line.value.contains(&b'\n') && !line.value.contains(&b'\r'), "values are on one line");
        let name = std::str::from_utf8(line.name).expect("a name is a token");
        assert!(message.headers(name).any(|value| value == line.value));
        assert!(message.header(name).is_some());
        for value in message.values(name).take(50) {
            assert!(!value.is_empty());
        }
        for address in message.addresses(name).take(50) {
            read_address(address);
        }
    }
    if message.is_request() {
        message.uri().expect("a received request has a URI");
        assert!(message.status().is_none() && message.reason().is_none());
    } else {
        assert!((100..700).contains(&message.status().expect("a response has a status")));
    }
    assert!(!message.call_id().is_empty());
    read_address(Ok(message.from().expect("a received message has a From")));
    read_address(Ok(message.to().expect("a received message has a To")));
    assert_eq!(&message.cseq().expect("a received message has a CSeq").method, message.method());
    let top = message.top_via().expect("a received message has a Via");
    assert_eq!((top.received().is_some(), top.rport()), (top.received().is_some(), top.rport()));
    for via in message.vias().flatten().take(50) {
        let noted = via.with_source(([2001, 0xdb8, 0, 0, 0, 0, 0, 1], 5060).into());
        assert_eq!(noted.branch(), via.branch());
        assert!(!via.host().to_string().is_empty() && !via.transport().is_empty());
    }
    if let Ok(Contacts::List(contacts)) = message.contacts() {
        contacts.into_iter().take(50).for_each(|contact| read_address(Ok(contact)));
    }
    assert!(message.max_forwards().is_ok() || message.header(HeaderName::MaxForwards).is_some());
    assert!(message.expires().is_ok() || message.header(HeaderName::Expires).is_some());
    if let Ok(Some(content_type)) = message.content_type() {
        assert!(content_type.essence().contains('/'));
        assert!(content_type.params().iter().all(|param| !param.name.is_empty()));
    }
    assert!(message.allow().is_none_or(|methods| methods.iter().all(|method| !method.as_str().is_empty())));
    assert!(message.supported().chain(message.require()).all(|tag| !tag.is_empty()));
}

fn read_address(address: Result<NameAddr, HeaderError>) {
    let Ok(address) = address else { return };
    assert_eq!(NameAddr::parse(address.as_bytes().clone()).as_ref(), Ok(&address));
    let bare = address.without_params();
    assert!(bare.params().iter().next().is_none());
    assert_eq!(bare.uri_bytes(), address.uri_bytes());
    assert_eq!((bare.display_name(), bare.tag()), (address.display_name(), None));
    if let Ok(uri) = address.uri() {
        read_uri(&uri);
    }
}

pub(crate) fn read_uri(uri: &Uri) {
    assert_eq!(Uri::parse(uri.as_bytes().clone()).as_ref(), Ok(uri));
    assert!(uri.matches(uri), "{uri} is the same as itself");
    assert!(uri.without_headers().headers().next().is_none());
    assert_eq!(uri.is_sip(), uri.host().is_some());
    assert!(uri.user_unescaped().is_some() == uri.user().is_some());
}
