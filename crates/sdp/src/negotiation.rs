//! The offer/answer state of one leg (RFC 3264), as plain data.
//!
//! ```text
//!            answer(offer)                      offer()
//!   stable ────────────────► stable    stable ───────────► our offer pending
//!                                         ▲                        │
//!                                         └── accept_answer(answer) or withdraw_offer()
//! ```

use std::collections::BTreeSet;
use std::net::IpAddr;

use compact_str::ToCompactString;
use serde::{Deserialize, Serialize};

use crate::remote::{meaning, payload_types};
use crate::{AudioCodec, AudioSession, Direction, Media, Origin, Session};

/// The negotiation of one leg. `answer` and `offer` stand in their own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiation {
    session_id: u64,
    version: u64,
    /// The description that we sent last. Its media lines are the places of all streams.
    pub(crate) sent: Option<Session>,
    /// What is in force.
    pub(crate) agreed: Option<Agreed>,
    /// Our offer in `sent` waits for its answer.
    pub(crate) pending: Option<PendingOffer>,
    /// Dynamic payload types that the peer uses for what we do not know. RFC 3264 §8.3.2: they keep their meaning.
    taken: BTreeSet<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreed {
    /// The place of our stream.
    pub(crate) index: usize,
    pub(crate) audio: AudioSession,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingOffer {
    pub(crate) index: usize,
    pub(crate) codecs: Vec<(u8, AudioCodec)>,
    pub(crate) telephone_event: Option<u8>,
    pub(crate) ptime_ms: u16,
    pub(crate) direction: Direction,
    pub(crate) local_ip: IpAddr,
}

impl Negotiation {
    /// A leg on which nothing was said yet. `session_id` is random; RFC 3264 §5 wants it to fit a signed number, so its
    /// highest bit is dropped.
    pub fn new(session_id: u64) -> Negotiation {
        Negotiation {
            session_id: session_id & (u64::MAX >> 1),
            version: 1,
            sent: None,
            agreed: None,
            pending: None,
            taken: BTreeSet::new(),
        }
    }

    /// The audio stream that is in force.
    pub fn audio(&self) -> Option<&AudioSession> {
        self.agreed.as_ref().map(|agreed| &agreed.audio)
    }

    /// The description that we sent last: what a 200 repeats after a 183 had it.
    pub fn local(&self) -> Option<&Session> {
        self.sent.as_ref()
    }

    /// Whether an offer of ours waits for its answer.
    pub fn is_offer_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Forgets our offer that was refused or never answered. What was in force stays in force (RFC 3261 §14.1).
    pub fn withdraw_offer(&mut self) {
        self.pending = None;
    }

    /// Notes what we send. RFC 3264 §8: the id stays, the version grows by one with each change and only then.
    pub(crate) fn send(&mut self, mut session: Session, address: IpAddr) -> Session {
        session.origin = Some(self.origin(address));
        if self.sent.as_ref().is_some_and(|sent| *sent != session) {
            self.version += 1;
            session.origin = Some(self.origin(address));
        }
        self.sent = Some(session.clone());
        session
    }

    fn origin(&self, address: IpAddr) -> Origin {
        let address_type = if address.is_ipv4() { "IP4" } else { "IP6" };
        Origin {
            user: "-".into(),
            session_id: self.session_id.to_compact_string(),
            version: self.version.to_compact_string(),
            network: "IN".into(),
            address_type: address_type.into(),
            address: address.to_compact_string(),
        }
    }

    /// Remembers the numbers that the peer took for what we do not know.
    pub(crate) fn note_payload_types(&mut self, media: &Media) {
        self.taken.extend(payload_types(media).filter(|number| *number >= 96 && meaning(media, *number) == Some(None)));
    }

    /// The payload type of telephone-event in our next offer: the agreed one, else `wanted`, else the first free one.
    pub(crate) fn event_payload_type(&self, wanted: u8) -> u8 {
        let agreed = self.audio().and_then(|audio| audio.telephone_event).map(|event| event.receive);
        let mut candidates = agreed.into_iter().chain([wanted]).chain(96..=127);
        candidates.find(|number| !self.taken.contains(number)).unwrap_or(wanted)
    }
}
