//! Where a message goes whose connection is gone: RFC 3261 §18.2.2 and §12.2.1.1.

use std::net::SocketAddr;

use crate::{Hop, Message, Transport, Uri};

/// Where a new connection may carry `message`, which was to go over `hop`: a response to the address that its request came
/// from and the port of sent-by, a request to what its first Route or Request-URI says. None where no connection can be
/// made: only TCP can be had with nothing but an address (who is reached over TLS shows a certificate to somebody who knows
/// its name, and a browser is no server), and a Contact that is not where its peer came from is behind a NAT.
pub fn second_way(message: &Message, hop: &Hop) -> Option<Hop> {
    if hop.transport != Transport::Tcp {
        return None;
    }
    let source = hop.remote.ip().to_canonical();
    let target = match message.is_response() {
        true => {
            SocketAddr::new(hop.remote.ip(), message.top_via().ok()?.port().unwrap_or(hop.transport.default_port()))
        }
        false => {
            // The sender of a request to a strict router has put that into the Request-URI (RFC 3261 §12.2.1.1).
            let route = message.routes().next().and_then(Result::ok).filter(|route| route.is_loose_route());
            let uri = match &route {
                Some(route) => route.uri().ok()?,
                None => message.request_uri()?.parse::<Uri>().ok()?,
            };
            let ip = uri.host()?.ip()?.to_canonical();
            let is_reachable = route.is_some() || ip == source;
            if !is_reachable || ip.is_unspecified() || ip.is_ipv4() != source.is_ipv4() {
                return None;
            }
            SocketAddr::new(ip, uri.port().unwrap_or(hop.transport.default_port()))
        }
    };
    // Over the same connection it was tried already.
    (target.port() != 0 && target != hop.remote).then(|| hop.towards(target))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[track_caller]
    fn check(start: &str, more: &str, remote: &str, expected: Option<&str>) {
        let hop = Hop {
            transport: Transport::Tcp,
            listener: 1,
            local: "192.0.2.100:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
        };
        let text = format!(
            "{start}\r\n{more}From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let message = Message::parse_datagram(Bytes::from(text)).unwrap();
        let expected = expected.map(|remote| hop.towards(remote.parse().unwrap()));
        assert_eq!(second_way(&message, &hop), expected, "{start} {more}");
        for transport in [Transport::Udp, Transport::Tls, Transport::Ws, Transport::Wss] {
            assert_eq!(second_way(&message, &Hop { transport, ..hop }), None, "{transport:?}");
        }
    }

    #[test]
    fn a_response_goes_to_the_source_address_and_the_port_of_sent_by() {
        let via = |sent_by: &str| format!("Via: SIP/2.0/TCP {sent_by};branch=z9hG4bK1;rport=40000\r\n");
        check("SIP/2.0 200 OK", &via("10.0.0.1:5070"), "192.0.2.1:40000", Some("192.0.2.1:5070"));
        check("SIP/2.0 200 OK", &via("phone.invalid"), "192.0.2.1:40000", Some("192.0.2.1:5060"));
        check("SIP/2.0 200 OK", &via("192.0.2.1:40000"), "192.0.2.1:40000", None);
    }

    #[test]
    fn a_request_goes_to_the_first_route_or_the_contact_of_who_is_not_behind_a_nat() {
        let with = |route: &str| format!("Via: SIP/2.0/TCP 192.0.2.100;branch=z9hG4bK1\r\n{route}");
        let bye = |uri: &str| format!("BYE {uri} SIP/2.0");
        let from = "192.0.2.1:40000";
        check(&bye("sip:a@192.0.2.1:5070;transport=tcp"), &with(""), from, Some("192.0.2.1:5070"));
        check(&bye("sip:a@192.0.2.1"), &with(""), from, Some("192.0.2.1:5060"));
        check(&bye("sip:a@192.0.2.1:40000"), &with(""), from, None);
        check(&bye("sip:a@10.0.0.1:5070"), &with(""), from, None);
        check(&bye("sip:a@phone.invalid"), &with(""), from, None);
        let route = "Route: <sip:192.0.2.9:5080;lr>, <sip:192.0.2.8;lr>\r\n";
        check(&bye("sip:a@10.0.0.1:5070"), &with(route), from, Some("192.0.2.9:5080"));
        check(&bye("sip:192.0.2.1:5090"), &with("Route: <sip:a@10.0.0.1>\r\n"), from, Some("192.0.2.1:5090"));
        check(&bye("sip:a@x"), &with("Route: <sip:[2001:db8::1];lr>\r\n"), from, None);
        check(&bye("sip:a@x"), &with("Route: <sip:0.0.0.0;lr>\r\n"), from, None);
    }
}
