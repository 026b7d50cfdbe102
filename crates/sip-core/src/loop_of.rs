//! Which control loop a message belongs to, told from the message alone.
//!
//! What we make carries the number of the loop that made it: a tag is two hex digits and a token, a branch is the magic
//! cookie, two hex digits and a token. A REGISTER goes by the user of its To, so all that is said about one address of record
//! is said to one loop, by whatever phone. Whatever else carries no number of ours goes by its Call-ID, so an INVITE, its
//! repetitions, its CANCEL and the ACK of a non-2xx meet in one loop.

use base::{LoopId, Random};

use crate::{Message, Method};

/// RFC 3261 §8.1.1.7: how a branch that is unique per transaction begins.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

/// Letters and digits after the loop's number: 80 bits of randomness, RFC 3261 §19.3 asks for 32.
const TOKEN_LENGTH: usize = 16;

/// A new tag for a From or To header, made by the loop `owner`.
pub fn new_tag(owner: LoopId, random: &mut Random) -> String {
    format!("{:02x}{}", owner.0, random.token(TOKEN_LENGTH))
}

/// A new branch for the Via of a request, made by the loop `owner`.
pub fn new_branch(owner: LoopId, random: &mut Random) -> String {
    format!("{MAGIC_COOKIE}{:02x}{}", owner.0, random.token(TOKEN_LENGTH))
}

/// A new Call-ID, made by the loop `owner`. It needs no host part: the randomness makes it unique (RFC 3261 §8.1.1.4).
pub fn new_call_id(owner: LoopId, random: &mut Random) -> String {
    format!("{:02x}{}", owner.0, random.token(24))
}

/// The loop, of `loops` (at least one), that owns what `message` belongs to.
pub fn loop_of(message: &Message, loops: u8) -> LoopId {
    if loops <= 1 {
        return LoopId(0);
    }
    let made_by = if message.is_response() {
        message.top_via().ok().and_then(|via| loop_of_branch(via.branch()?.as_bytes()))
    } else {
        message.to_tag().and_then(|tag| loop_of_token(tag.as_bytes()))
    };
    match made_by {
        Some(owner) if owner.0 < loops => owner,
        _ => match registered_user(message) {
            Some(user) => loop_of_user(&user, loops),
            None => by_call_id(message.call_id().as_bytes(), loops),
        },
    }
}

/// The loop that sent this request of ours; none if it is no request of ours.
pub fn loop_of_request_sent(request: &Message) -> Option<LoopId> {
    request.is_request().then(|| loop_of_branch(request.top_via().ok()?.branch()?.as_bytes()))?
}

/// The loop, of `loops` (at least one), that owns the address of record of this user, as it reads without escapes. Capital
/// and small letters lead to the same one.
pub fn loop_of_user(user: &str, loops: u8) -> LoopId {
    let user = user.to_ascii_lowercase();
    LoopId((stable_hash([b"user".as_slice(), user.as_bytes()]) % u64::from(loops.max(1))) as u8)
}

/// Whose address of record a REGISTER is about; none if it does not say.
fn registered_user(message: &Message) -> Option<String> {
    if message.is_response() || message.method() != &Method::Register {
        return None;
    }
    Some(message.to().ok()?.uri().ok()?.user_unescaped()?.into_owned())
}

fn loop_of_branch(branch: &[u8]) -> Option<LoopId> {
    loop_of_token(branch.strip_prefix(MAGIC_COOKIE.as_bytes())?)
}

fn loop_of_token(token: &[u8]) -> Option<LoopId> {
    let (number, rest) = token.split_at_checked(2)?;
    if rest.len() != TOKEN_LENGTH || !rest.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return None;
    }
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    Some(LoopId(digit(number[0])? << 4 | digit(number[1])?))
}

fn by_call_id(call_id: &[u8], loops: u8) -> LoopId {
    LoopId((stable_hash([call_id]) % u64::from(loops)) as u8)
}

/// FNV-1a with a final mix: the same for the same parts on every machine and in every version, which std's hashers do not
/// promise. A zero byte separates the parts.
pub(crate) fn stable_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for &byte in part {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        hash = hash.wrapping_mul(PRIME);
    }
    // FNV's low bits are weak; the modulus above uses just those.
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(start: &str, branch: &str, to_tag: &str, call_id: &str, cseq: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP 127.0.0.2;branch={branch}\r\nFrom: <sip:a@b>;tag=theirs\r\n\
             To: <sip:c@d>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse_datagram(Bytes::from(text)).unwrap()
    }

    fn request(method: &str, to_tag: &str, call_id: &str) -> Message {
        parse(&format!("{method} sip:c@d SIP/2.0"), "z9hG4bK1", to_tag, call_id, &format!("1 {method}"))
    }

    fn random() -> Random {
        Random::from_seed([1; 32])
    }

    #[test]
    fn what_a_loop_made_leads_back_to_it() {
        let mut random = random();
        for number in [0u8, 1, 9, 10, 200] {
            let tag = format!(";tag={}", new_tag(LoopId(number), &mut random));
            assert_eq!(loop_of(&request("BYE", &tag, "c1"), 255), LoopId(number));
            let branch = new_branch(LoopId(number), &mut random);
            assert_eq!(loop_of(&parse("SIP/2.0 200 OK", &branch, "", "c1", "1 BYE"), 255), LoopId(number));
            let bye = parse("BYE sip:c@d SIP/2.0", &branch, ";tag=theirs", "c1", "1 BYE");
            assert_eq!(loop_of_request_sent(&bye), Some(LoopId(number)));
        }
    }

    #[test]
    fn an_invite_its_cancel_and_the_ack_of_its_refusal_meet_in_one_loop() {
        for call in 0..50 {
            let call_id = format!("call-{call}");
            let owner = loop_of(&request("INVITE", "", &call_id), 3);
            assert_eq!(loop_of(&request("CANCEL", "", &call_id), 3), owner);
            let ours = format!(";tag={}", new_tag(owner, &mut random()));
            assert_eq!(loop_of(&request("ACK", &ours, &call_id), 3), owner);
            for strange in [";tag=sl0123456789abcdef", ";tag=bobtag", ";tag=zz0123456789abcdef", ";tag=0f"] {
                assert_eq!(loop_of(&request("ACK", strange, &call_id), 3), owner, "{strange}");
            }
        }
    }

    #[test]
    fn every_register_of_one_address_of_record_goes_to_one_loop() {
        let register = |user: &str, to_tag: &str, call_id: &str| {
            let text = format!(
                "REGISTER sip:d SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:{user}@d>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: 1 REGISTER\r\n\r\n"
            );
            loop_of(&Message::parse_datagram(Bytes::from(text)).unwrap(), 3)
        };
        let mut seen = [false; 3];
        for user in ["1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "ivr", "ann%40Home"] {
            let owner = loop_of_user(&user.replace("%40", "@"), 3);
            seen[usize::from(owner.0)] = true;
            for call in 0..20 {
                assert_eq!(register(user, "", &format!("call-{call}")), owner, "{user}");
            }
            assert_eq!(register(&user.to_uppercase(), "", "x"), owner, "{user}");
        }
        assert_eq!(seen, [true; 3]);
        let ours = format!(";tag={}", new_tag(LoopId(2), &mut random()));
        assert_eq!(["1000", "1001", "1002"].map(|user| register(user, &ours, "x")), [LoopId(2); 3]);
    }

    #[test]
    fn a_loop_that_does_not_exist_is_not_followed() {
        let tag = format!(";tag={}", new_tag(LoopId(7), &mut random()));
        let by_call_id = loop_of(&request("BYE", "", "c1"), 3);
        assert_eq!(loop_of(&request("BYE", &tag, "c1"), 3), by_call_id);
        assert_eq!(loop_of(&request("BYE", &tag, "c1"), 1), LoopId(0));
        assert_eq!(loop_of(&request("BYE", &tag, "c1"), 0), LoopId(0));
    }

    #[test]
    fn calls_spread_evenly_over_the_loops() {
        let mut calls = [0; 3];
        for call in 0..3_000 {
            calls[usize::from(loop_of(&request("INVITE", "", &format!("{call}@host")), 3).0)] += 1;
        }
        assert!(calls.iter().all(|count| (850..=1_150).contains(count)), "{calls:?}");
    }
}
