//! Phones with accounts: they register, with credentials that fit or do not.

use sip_core::digest::{Algorithm, ha1, response};
use sip_core::{HeaderName, Message, Method};

use crate::cases::Dice;

/// Names of the extensions; the last one is not there.
pub(crate) const USERS: [&str; 3] = ["1000", "1001", "2000"];
/// The password of all of them.
pub(crate) const PASSWORD: &str = "secret";

/// What phones remember.
#[derive(Default)]
pub(crate) struct Accounts {
    /// Challenges, the newest last.
    challenges: Vec<String>,
    cseq: u32,
    count: u32,
}

impl Accounts {
    /// Takes the challenges of a response.
    pub(crate) fn hear(&mut self, message: &Message) {
        for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
            self.challenges.extend(message.headers(name).map(|value| String::from_utf8_lossy(value).into_owned()));
        }
        let surplus = self.challenges.len().saturating_sub(6);
        drop(self.challenges.drain(..surplus));
    }

    /// A header line with credentials; none when nothing was asked yet.
    pub(crate) fn authorization(&mut self, dice: &mut Dice, method: &Method, user: &str, uri: &str) -> String {
        if self.challenges.is_empty() {
            return String::new();
        }
        let challenge = dice.pick(&self.challenges).clone();
        let word = |name: &str| {
            let value = challenge.split(&format!("{name}=")).nth(1).unwrap_or_default();
            value.split(',').next().unwrap_or_default().trim_matches('"').to_owned()
        };
        let (realm, nonce) = (word("realm"), word("nonce"));
        let algorithm = Algorithm::parse(word("algorithm").as_bytes()).unwrap();
        let password = if dice.one_in(8) { "guess" } else { PASSWORD };
        self.count += u32::from(!dice.one_in(8));
        let (secret, nc) = (ha1(algorithm, user, &realm, password), format!("{:08x}", self.count));
        let quality: (&[u8], &[u8]) = (nc.as_bytes(), b"c0ffee");
        let method = method.as_str().as_bytes();
        let proof = response(algorithm, secret.as_bytes(), nonce.as_bytes(), Some(quality), method, uri.as_bytes());
        let name = *dice.pick(&["Authorization", "Proxy-Authorization"]);
        format!(
            "{name}: Digest username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\",response=\"{proof}\",\
             algorithm={algorithm},cnonce=\"c0ffee\",qop=auth,nc={nc}\r\n"
        )
    }

    /// A REGISTER.
    pub(crate) fn register(&mut self, dice: &mut Dice, sent_by: &str) -> Vec<u8> {
        let user = if dice.one_in(6) { USERS[2] } else { USERS[dice.below(2)] };
        let to = if dice.one_in(20) { *dice.pick(&USERS) } else { user };
        self.cseq = self.cseq.wrapping_add(*dice.pick(&[1, 1, 1, 1, 0, 7])) & (u32::MAX >> 1);
        let (cseq, branch) = (self.cseq, dice.next());
        let call_id = format!("r{}", dice.below(3));
        let authorization = if dice.one_in(6) {
            String::new()
        } else {
            self.authorization(dice, &Method::Register, user, "sip:127.0.0.1")
        };
        let contacts = match dice.below(12) {
            0 => String::new(),
            1 => "Contact: *\r\nExpires: 0\r\n".to_owned(),
            2 => "Contact: *\r\n".to_owned(),
            3 => "Contact: <sip:a@b>;expires=99999999999, <sip:c@d>;expires=0, <sips:e@f>;q=0.5\r\n".to_owned(),
            4 => "Contact: <tel:+1>\r\n".to_owned(),
            n => format!("Contact: <sip:{user}@127.0.0.{n}:5060>;expires={}\r\n", dice.below(40)),
        };
        format!(
            "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};rport;branch=z9hG4bK{branch}\r\n\
             From: <sip:{user}@127.0.0.1>;tag=r\r\nTo: <sip:{to}@127.0.0.1>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REGISTER\r\nUser-Agent: F\r\n{authorization}{contacts}Content-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }
}
