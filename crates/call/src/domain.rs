//! Which kind of domain was dialled (spec/media.md §1), as far as it decides who may call and what answers.

use sip_core::{Host, Uri};

/// What the host of a request URI is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// `conference.<base domain>`: the user part is the id of a conference.
    Conference,
    /// `<customer id>.registrar.<base domain>` of the customer whose phones these are: phones only.
    Registrar,
    /// The registrar domain of a customer, or the domain of a trunk, whom nobody knows.
    Nobodys(String),
    /// A domain for everybody, an address, or a host that is not known otherwise (design, section 5).
    Other,
}

impl Domain {
    /// The kind of this URI's host, where phones are asked for passwords of `realm`, which is the customer's registrar domain.
    pub(crate) fn of(uri: &Uri, realm: &str) -> Domain {
        let (Some(Host::Name(host)), Some((_, base))) = (uri.host(), realm.split_once(".registrar.")) else {
            return Domain::Other;
        };
        // A name may be written as absolute, with a dot at its end.
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let Some(kind) = host.strip_suffix(&base.to_ascii_lowercase()).and_then(|below| below.strip_suffix('.')) else {
            return Domain::Other;
        };
        match kind {
            "conference" => Domain::Conference,
            _ if host == realm.to_ascii_lowercase() => Domain::Registrar,
            // Trunks are not there yet, so none is known.
            _ if kind.ends_with(".registrar") || kind.ends_with(".trunk") => Domain::Nobodys(host),
            _ => Domain::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_which_kind_it_is() {
        const REALM: &str = "c1.registrar.Example.com";
        let nobodys = |host: &str| Domain::Nobodys(host.to_owned());
        for (uri, expected) in [
            ("sip:a@conference.example.com", Domain::Conference),
            ("sip:a@CONFERENCE.example.COM.;transport=tcp", Domain::Conference),
            ("sip:a@c1.registrar.example.com:5070", Domain::Registrar),
            ("sips:C1.REGISTRAR.EXAMPLE.COM.", Domain::Registrar),
            ("sip:a@c2.registrar.example.com", nobodys("c2.registrar.example.com")),
            ("sip:a@x.c1.registrar.example.com", nobodys("x.c1.registrar.example.com")),
            ("sip:a@Pbx.Trunk.example.com", nobodys("pbx.trunk.example.com")),
            ("sip:a@registrar.example.com", Domain::Other),
            ("sip:a@trunk.example.com", Domain::Other),
            ("sip:a@c2.registrar.example.org", Domain::Other),
            ("sip:a@c2.registrar.notexample.com", Domain::Other),
            ("sip:a@example.com", Domain::Other),
            ("sip:a@sip.example.com", Domain::Other),
            ("sip:a@192.0.2.1", Domain::Other),
            ("sip:a@[2001:db8::1]", Domain::Other),
            ("tel:+12025550123", Domain::Other),
        ] {
            assert_eq!(Domain::of(&uri.parse().unwrap(), REALM), expected, "{uri}");
        }
        assert_eq!(Domain::of(&"sip:a@conference.".parse().unwrap(), "asterisk"), Domain::Other);
    }
}
