//! Where the responses to a request go: RFC 3261 §18.2.2 RFC 3581 §4.

use std::net::SocketAddr;

use crate::{Hop, Via};

/// The hop of all responses to a request that arrived over `hop` with this top Via. They go to the address the request came
/// from; to the port it came from if the Via asks for that (rport) or the transport is a connection, else to the port of
/// sent-by. `maddr` is not followed: it would let strangers send our answers to third parties.
pub(crate) fn reply_hop(via: &Via, hop: &Hop) -> Hop {
    if via.wants_rport() || hop.transport.is_reliable() {
        return *hop;
    }
    let port = via.port().unwrap_or(hop.transport.default_port());
    hop.towards(SocketAddr::new(hop.remote.ip(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;

    fn check(via: &str, expected: &str) {
        let hop = Hop {
            transport: Transport::Udp,
            listener: 0,
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "127.0.0.2:40000".parse().unwrap(),
        };
        let reply = reply_hop(&Via::parse(via.to_owned()).unwrap(), &hop);
        assert_eq!(reply.remote, expected.parse().unwrap(), "{via}");
        assert_eq!((reply.local, reply.listener), (hop.local, hop.listener), "{via}");
    }

    #[test]
    fn responses_go_to_the_source_address_and_the_port_that_the_via_asks_for() {
        check("SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK1", "127.0.0.2:5070");
        check("SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1", "127.0.0.2:5060");
        check("SIP/2.0/UDP client.invalid:5080;branch=z9hG4bK1", "127.0.0.2:5080");
        check("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1", "127.0.0.2:40000");
        check("SIP/2.0/UDP 10.0.0.1:5070;maddr=127.0.0.9;branch=z9hG4bK1", "127.0.0.2:5070");
    }
}
