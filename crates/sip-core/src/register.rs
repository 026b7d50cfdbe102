//! What a REGISTER wants (RFC 3261 §10.2 and §10.3 steps 6 and 7) and the 200 that tells what stands (§10.3 step 8).
//!
//! Nothing here knows which bindings there are. A Path (RFC 3327) is passed over: we answer to where the request came from.

use crate::header::Params;
use crate::header::text::number;
use crate::uas::Rejection;
use crate::{Contacts, HeaderName, Message, MessageBuilder, NameAddr, Uri};

/// Contacts that one REGISTER may bring.
pub const MAX_CONTACTS: usize = 10;
/// Bytes that a Contact's URI or its parameters, or the Call-ID, may have: they are kept.
pub const MAX_KEPT_BYTES: usize = 512;
const MAX_USER_AGENT_BYTES: usize = 128;
/// RFC 3261 §20.19 and §20.10: what an expiry that cannot be read is taken for, seconds.
pub const DEFAULT_EXPIRES_S: u32 = 3_600;

/// A REGISTER, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The address of record: To's URI.
    pub to: Uri,
    /// What is to be done.
    pub wish: Wish,
    /// Call-ID: one phone keeps it for all of its REGISTERs.
    pub call_id: String,
    /// CSeq number: grows with each.
    pub cseq: u32,
    /// What the phone calls itself, at most 128 bytes of it; empty if it does not say.
    pub user_agent: String,
}

/// What a REGISTER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Only to be told what stands (§10.2.3).
    Query,
    /// All bindings are to go (§10.2.2).
    RemoveAll,
    /// These bindings are to be made, refreshed, or removed.
    Update(Vec<ContactWish>),
}

/// One Contact of a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactWish {
    /// Its URI, sip or sips.
    pub uri: Uri,
    /// Its parameters as they came, such as `;q=0.5;+sip.instance="<urn:uuid:...>"`, without `expires`.
    pub params: String,
    /// For how long, seconds; 0 removes it, `None` leaves it to us. Its own `expires` goes before the header.
    pub expires_s: Option<u32>,
}

/// One line of what stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContact {
    /// The URI as the phone wrote it.
    pub uri: String,
    /// See [`ContactWish::params`]; may be empty.
    pub params: String,
    /// Seconds that it still stands.
    pub expires_s: u64,
}

impl Register {
    /// Reads a REGISTER that passed [`uas::check`](crate::uas::check).
    ///
    /// # Errors
    /// The 400 that says what is wrong.
    pub fn read(request: &Message) -> Result<Register, Rejection> {
        let told = |error: crate::HeaderError| Rejection::bad_request(error.to_string());
        let to = request.to().and_then(|to| to.uri()).map_err(told)?;
        let cseq = request.cseq().map_err(told)?.number;
        let call_id = request.call_id();
        if call_id.len() > MAX_KEPT_BYTES {
            return Err(Rejection::bad_request(format!("Call-ID is longer than {MAX_KEPT_BYTES} bytes")));
        }
        let expires_s = request.expires().unwrap_or(Some(DEFAULT_EXPIRES_S));
        let wish = match request.contacts().map_err(told)? {
            Contacts::All if expires_s == Some(0) => Wish::RemoveAll,
            Contacts::All => return Err(Rejection::bad_request("Contact is * without Expires: 0")),
            Contacts::List(list) if list.is_empty() => Wish::Query,
            Contacts::List(list) if list.len() > MAX_CONTACTS => {
                return Err(Rejection::bad_request(format!("more than {MAX_CONTACTS} Contacts")));
            }
            Contacts::List(list) => {
                let wishes = list.iter().map(|contact| ContactWish::read(contact, expires_s));
                Wish::Update(wishes.collect::<Result<_, _>>()?)
            }
        };
        let user_agent = request.header_text(HeaderName::UserAgent).unwrap_or_default();
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        Ok(Register { to, wish, call_id: call_id.to_owned(), cseq, user_agent: user_agent[..end].to_owned() })
    }
}

impl ContactWish {
    fn read(contact: &NameAddr, header_expires_s: Option<u32>) -> Result<ContactWish, Rejection> {
        let uri = contact.uri().map_err(|error| Rejection::bad_request(error.of(HeaderName::Contact).to_string()))?;
        if !uri.is_sip() {
            return Err(Rejection::bad_request("Contact is not a SIP URI"));
        }
        let mut params = String::new();
        for param in contact.params().iter().filter(|param| !param.name.eq_ignore_ascii_case(b"expires")) {
            params.push(';');
            params.push_str(&String::from_utf8_lossy(param.name));
            if let Some(value) = param.value {
                params.push('=');
                params.push_str(&String::from_utf8_lossy(value));
            }
        }
        if uri.as_bytes().len() > MAX_KEPT_BYTES || params.len() > MAX_KEPT_BYTES {
            return Err(Rejection::bad_request(format!("Contact is longer than {MAX_KEPT_BYTES} bytes")));
        }
        let own = contact.param("expires").map(|value| match number(value) {
            Some(seconds) => u32::try_from(seconds).unwrap_or(u32::MAX),
            None => DEFAULT_EXPIRES_S,
        });
        Ok(ContactWish { uri, params, expires_s: own.or(header_expires_s) })
    }
}

/// What tells a phone, and one of its ways to us, from all others, whatever its address is: `+sip.instance` and `reg-id` among a
/// Contact's parameters (RFC 5626 §4.1 and §4.2).
pub fn instance(params: &str) -> Option<(&[u8], Option<&[u8]>)> {
    let params = Params::new(params.as_bytes());
    Some((params.get("+sip.instance")?, params.get("reg-id")))
}

/// The 200 to a REGISTER: every binding that stands with what is left of it. To tag, Date and Server are the caller's matter.
pub fn accepted<'a>(request: &Message, contacts: impl IntoIterator<Item = &'a ListedContact>) -> MessageBuilder {
    contacts.into_iter().fold(MessageBuilder::response_to(request, 200, "OK"), |response, contact| {
        let value = format!("<{}>{};expires={}", contact.uri, contact.params, contact.expires_s);
        response.append(HeaderName::Contact, value)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn request(extra: &str) -> Message {
        let text = format!(
            "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:1000@a.example>;tag=1\r\n\
             To: <sip:1000@a.example>\r\nCall-ID: x\r\nCSeq: 7 REGISTER\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        Message::parse_datagram(Bytes::from(text)).unwrap()
    }

    fn wish(extra: &str) -> Result<Wish, String> {
        Register::read(&request(extra)).map(|register| register.wish).map_err(|rejection| {
            assert_eq!(rejection.status, 400);
            rejection.reason().to_owned()
        })
    }

    /// URI, parameters and expiry of each Contact.
    fn update(extra: &str) -> Vec<(String, String, Option<u32>)> {
        let Ok(Wish::Update(wishes)) = wish(extra) else { panic!("not an update: {extra}") };
        wishes.into_iter().map(|wish| (wish.uri.to_string(), wish.params, wish.expires_s)).collect()
    }

    #[test]
    fn a_contacts_own_expiry_goes_before_the_header_and_other_parameters_are_kept() {
        let got = update(
            "m: \"A, B\" <sip:1000@127.0.0.2;transport=udp>;q=0.5;EXPIRES=60;+sip.instance=\"<urn:uuid:1;2>\", \
             <sip:1000@127.0.0.3>\r\nContact: sip:1000@127.0.0.4;expires=junk\r\nExpires: 120\r\n",
        );
        let line = |uri: &str, params: &str, expires_s| (uri.to_owned(), params.to_owned(), Some(expires_s));
        assert_eq!(
            got,
            [
                line("sip:1000@127.0.0.2;transport=udp", ";q=0.5;+sip.instance=\"<urn:uuid:1;2>\"", 60),
                line("sip:1000@127.0.0.3", "", 120),
                line("sip:1000@127.0.0.4", "", 3_600),
            ]
        );
        assert_eq!(update("Contact: <sip:a@b>\r\n")[0].2, None);
        assert_eq!(update("Contact: <sip:a@b>\r\nExpires: junk\r\n")[0].2, Some(3_600));
        assert_eq!(update("Contact: <sip:a@b>;expires=99999999999\r\n")[0].2, Some(u32::MAX));
    }

    #[test]
    fn a_star_stands_alone_and_only_removes() {
        assert_eq!(wish("Contact: *\r\nExpires: 0\r\n"), Ok(Wish::RemoveAll));
        assert_eq!(wish("Expires: 0\r\n"), Ok(Wish::Query));
        assert_eq!(wish("Contact: *\r\n").unwrap_err(), "Contact is * without Expires: 0");
        assert_eq!(wish("Contact: *\r\nExpires: 60\r\n").unwrap_err(), "Contact is * without Expires: 0");
        assert!(wish("Contact: *, <sip:a@b>\r\nExpires: 0\r\n").is_err());
    }

    #[test]
    fn a_long_user_agent_is_cut_at_a_letter() {
        let register = Register::read(&request(&format!("User-Agent: x{}\r\n", "é".repeat(90)))).unwrap();
        assert_eq!(register.user_agent, format!("x{}", "é".repeat(63)));
        assert_eq!((register.cseq, register.call_id.as_str()), (7, "x"));
    }

    #[test]
    fn what_could_not_be_dialled_or_kept_is_refused() {
        assert_eq!(wish("Contact: <tel:+1202>\r\n").unwrap_err(), "Contact is not a SIP URI");
        assert!(wish("Contact: <sip:a b@c>\r\n").unwrap_err().starts_with("Contact has a URI with a byte"));
        let many = "Contact: <sip:a@b>\r\n".repeat(MAX_CONTACTS + 1);
        assert_eq!(wish(&many).unwrap_err(), "more than 10 Contacts");
        let long = "x".repeat(600);
        assert_eq!(wish(&format!("Contact: <sip:{long}@b>\r\n")).unwrap_err(), "Contact is longer than 512 bytes");
        assert_eq!(wish(&format!("Contact: <sip:a@b>;x={long}\r\n")).unwrap_err(), "Contact is longer than 512 bytes");
    }

    #[test]
    fn the_200_lists_each_binding_with_what_is_left_of_it() {
        let listed = |uri: &str, params: &str, expires_s| ListedContact {
            uri: uri.to_owned(),
            params: params.to_owned(),
            expires_s,
        };
        let contacts = [listed("sip:1000@127.0.0.2;x", ";q=0.5", 60), listed("sip:1000@127.0.0.3", "", 3_600)];
        let response = accepted(&request(""), &contacts).to_tag("00t").build();
        let lines: Vec<_> = response.headers(HeaderName::Contact).map(String::from_utf8_lossy).collect();
        assert_eq!(lines, ["<sip:1000@127.0.0.2;x>;q=0.5;expires=60", "<sip:1000@127.0.0.3>;expires=3600"]);
        assert_eq!((response.status(), response.to_tag()), (Some(200), Some("00t")));
        assert!(Message::parse_datagram(response.as_bytes().clone()).is_ok());
    }
}
