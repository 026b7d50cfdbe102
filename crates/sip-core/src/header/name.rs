//! Header names: those this server gives a meaning to, with their compact forms (RFC 3261 §7.3.3), and any other token.

use std::fmt;

use super::text::is_token;

macro_rules! header_names {
    ($($variant:ident $text:literal $(compact $letter:literal)? : $source:literal;)+) => {
        /// A header this server knows by name. Matching ignores case and takes the compact form for the long one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`, ", $source, ".")] $variant,)+
        }

        const NAMES: &[(&str, HeaderName)] = &[$(($text, HeaderName::$variant),)+];

        impl HeaderName {
            /// The long form, spelt as the RFC that defines it spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(HeaderName::$variant => $text,)+ }
            }

            /// The compact form, a small letter, if the header has one.
            pub const fn compact(self) -> Option<u8> {
                match self { $($(HeaderName::$variant => Some($letter),)?)+ _ => None }
            }
        }

        fn by_letter(letter: u8) -> Option<HeaderName> {
            match letter.to_ascii_lowercase() {
                $($($letter => Some(HeaderName::$variant),)?)+
                _ => None,
            }
        }
    };
}

header_names! {
    Accept "Accept": "RFC 3261 §20.1";
    AcceptContact "Accept-Contact" compact b'a': "RFC 3841";
    AcceptEncoding "Accept-Encoding": "RFC 3261 §20.2";
    AcceptLanguage "Accept-Language": "RFC 3261 §20.3";
    AlertInfo "Alert-Info": "RFC 3261 §20.4";
    Allow "Allow": "RFC 3261 §20.5";
    AllowEvents "Allow-Events" compact b'u': "RFC 6665";
    AuthenticationInfo "Authentication-Info": "RFC 3261 §20.6";
    Authorization "Authorization": "RFC 3261 §20.7";
    CallId "Call-ID" compact b'i': "RFC 3261 §20.8";
    CallInfo "Call-Info": "RFC 3261 §20.9";
    Contact "Contact" compact b'm': "RFC 3261 §20.10";
    ContentDisposition "Content-Disposition": "RFC 3261 §20.11";
    ContentEncoding "Content-Encoding" compact b'e': "RFC 3261 §20.12";
    ContentLanguage "Content-Language": "RFC 3261 §20.13";
    ContentLength "Content-Length" compact b'l': "RFC 3261 §20.14";
    ContentType "Content-Type" compact b'c': "RFC 3261 §20.15";
    CSeq "CSeq": "RFC 3261 §20.16";
    Date "Date": "RFC 3261 §20.17";
    Diversion "Diversion": "RFC 5806";
    ErrorInfo "Error-Info": "RFC 3261 §20.18";
    Event "Event" compact b'o': "RFC 6665";
    Expires "Expires": "RFC 3261 §20.19";
    FlowTimer "Flow-Timer": "RFC 5626";
    From "From" compact b'f': "RFC 3261 §20.20";
    HistoryInfo "History-Info": "RFC 7044";
    Identity "Identity" compact b'y': "RFC 8224";
    InReplyTo "In-Reply-To": "RFC 3261 §20.21";
    InfoPackage "Info-Package": "RFC 6086";
    Join "Join": "RFC 3911";
    MaxForwards "Max-Forwards": "RFC 3261 §20.22";
    MimeVersion "MIME-Version": "RFC 3261 §20.24";
    MinExpires "Min-Expires": "RFC 3261 §20.23";
    MinSe "Min-SE": "RFC 4028";
    Organization "Organization": "RFC 3261 §20.25";
    PAssertedIdentity "P-Asserted-Identity": "RFC 3325";
    PPreferredIdentity "P-Preferred-Identity": "RFC 3325";
    Path "Path": "RFC 3327";
    Priority "Priority": "RFC 3261 §20.26";
    Privacy "Privacy": "RFC 3323";
    ProxyAuthenticate "Proxy-Authenticate": "RFC 3261 §20.27";
    ProxyAuthorization "Proxy-Authorization": "RFC 3261 §20.28";
    ProxyRequire "Proxy-Require": "RFC 3261 §20.29";
    RAck "RAck": "RFC 3262";
    Reason "Reason": "RFC 3326";
    RecordRoute "Record-Route": "RFC 3261 §20.30";
    RecvInfo "Recv-Info": "RFC 6086";
    ReferSub "Refer-Sub": "RFC 4488";
    ReferTo "Refer-To" compact b'r': "RFC 3515";
    ReferredBy "Referred-By" compact b'b': "RFC 3892";
    RejectContact "Reject-Contact" compact b'j': "RFC 3841";
    RemotePartyId "Remote-Party-ID": "draft-ietf-sip-privacy-04";
    Replaces "Replaces": "RFC 3891";
    ReplyTo "Reply-To": "RFC 3261 §20.31";
    RequestDisposition "Request-Disposition" compact b'd': "RFC 3841";
    Require "Require": "RFC 3261 §20.32";
    RetryAfter "Retry-After": "RFC 3261 §20.33";
    Route "Route": "RFC 3261 §20.34";
    RSeq "RSeq": "RFC 3262";
    Server "Server": "RFC 3261 §20.35";
    ServiceRoute "Service-Route": "RFC 3608";
    SessionExpires "Session-Expires" compact b'x': "RFC 4028";
    SipEtag "SIP-ETag": "RFC 3903";
    SipIfMatch "SIP-If-Match": "RFC 3903";
    Subject "Subject" compact b's': "RFC 3261 §20.36";
    SubscriptionState "Subscription-State": "RFC 6665";
    Supported "Supported" compact b'k': "RFC 3261 §20.37";
    Timestamp "Timestamp": "RFC 3261 §20.38";
    To "To" compact b't': "RFC 3261 §20.39";
    Unsupported "Unsupported": "RFC 3261 §20.40";
    UserAgent "User-Agent": "RFC 3261 §20.41";
    UserToUser "User-to-User": "RFC 7433";
    Via "Via" compact b'v': "RFC 3261 §20.42";
    Warning "Warning": "RFC 3261 §20.43";
    WwwAuthenticate "WWW-Authenticate": "RFC 3261 §20.44";
}

const LONGEST: usize = 32;

/// The names by length: a name is compared only with the few of its own length.
const BY_LENGTH: ([u8; NAMES.len()], [u8; LONGEST + 2]) = {
    let mut order = [0u8; NAMES.len()];
    let mut start = [0u8; LONGEST + 2];
    let mut filled = 0;
    let mut length = 0;
    while length <= LONGEST {
        start[length] = filled as u8;
        let mut i = 0;
        while i < NAMES.len() {
            if NAMES[i].0.len() == length {
                order[filled] = i as u8;
                filled += 1;
            }
            i += 1;
        }
        length += 1;
    }
    start[LONGEST + 1] = filled as u8;
    assert!(filled == NAMES.len(), "a header name is longer than LONGEST");
    (order, start)
};

impl HeaderName {
    /// The header that `name` names in long or compact form and any case.
    pub fn parse(name: &[u8]) -> Option<HeaderName> {
        match name {
            [letter] => by_letter(*letter),
            _ if name.len() > LONGEST => None,
            _ => {
                let (order, start) = &BY_LENGTH;
                let range = usize::from(start[name.len()])..usize::from(start[name.len() + 1]);
                order[range]
                    .iter()
                    .map(|&index| &NAMES[usize::from(index)])
                    .find(|(text, _)| {
                        // The first letters differ for most: cheaper to see than the whole.
                        (text.as_bytes()[0] ^ name[0]) & !0x20 == 0 && text.as_bytes().eq_ignore_ascii_case(name)
                    })
                    .map(|&(_, known)| known)
            }
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a header is asked for or written by: a known name, or any text. Made from either with `into()`; a text that
/// spells a known name in any form is that name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderField<'a> {
    /// A name of the table.
    Known(HeaderName),
    /// Any other name, compared without regard to case.
    Text(&'a str),
}

impl<'a> HeaderField<'a> {
    /// The text that is written for it.
    pub fn as_str(self) -> &'a str {
        match self {
            HeaderField::Known(name) => name.as_str(),
            HeaderField::Text(text) => text,
        }
    }

    /// Whether it can stand before a colon: a token of at most 255 bytes.
    pub fn is_valid(self) -> bool {
        match self {
            HeaderField::Known(_) => true,
            HeaderField::Text(text) => text.len() <= 255 && is_token(text.as_bytes()),
        }
    }
}

impl From<HeaderName> for HeaderField<'_> {
    fn from(name: HeaderName) -> Self {
        HeaderField::Known(name)
    }
}

impl<'a> From<&'a str> for HeaderField<'a> {
    fn from(text: &'a str) -> Self {
        HeaderName::parse(text.as_bytes()).map_or(HeaderField::Text(text), HeaderField::Known)
    }
}

impl<'a> From<&'a String> for HeaderField<'a> {
    fn from(text: &'a String) -> Self {
        HeaderField::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_long_and_compact_form_and_any_case() {
        for &(text, name) in NAMES {
            assert_eq!(HeaderName::parse(text.as_bytes()), Some(name));
            assert_eq!(HeaderName::parse(text.to_uppercase().as_bytes()), Some(name));
            assert_eq!(HeaderName::parse(text.to_lowercase().as_bytes()), Some(name));
            if let Some(letter) = name.compact() {
                assert_eq!(HeaderName::parse(&[letter]), Some(name));
                assert_eq!(HeaderName::parse(&[letter.to_ascii_uppercase()]), Some(name));
            }
        }
    }

    #[test]
    fn compact_letters_are_those_of_the_registry() {
        let letters: String = NAMES.iter().filter_map(|(_, name)| name.compact()).map(char::from).collect();
        let mut sorted: Vec<char> = letters.chars().collect();
        sorted.sort_unstable();
        assert_eq!(sorted.iter().collect::<String>(), "abcdefijklmorstuvxy");
    }

    #[test]
    fn other_texts_are_no_known_name() {
        for text in ["", "q", "n", "Vi", "Viaa", "X-Custom", "Content_Length", &"a".repeat(400)] {
            assert_eq!(HeaderName::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(HeaderField::from("v"), HeaderField::Known(HeaderName::Via));
        assert_eq!(HeaderField::from("X-Custom"), HeaderField::Text("X-Custom"));
        assert!(!HeaderField::from("X Custom").is_valid());
        assert!(!HeaderField::from("X\r\nVia").is_valid());
    }
}
