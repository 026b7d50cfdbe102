//! Session descriptions (RFC 8866) and the offer/answer model (RFC 3264) for audio over RTP/AVP.
//!
//! Entry types: [`Session`] is the text in typed form, unknown lines kept in their places; [`Negotiation`] is the state of
//! one leg, whose `answer`, `offer` and `accept_answer` turn descriptions into an [`AudioSession`].
//!
//! Invariants: this crate never reads a clock, a socket or a random source; no text from the network makes it panic, and
//! what it keeps of one is bounded ([`limits`]); an answer has exactly the media lines of its offer, in order; a refused
//! offer changes nothing.
#![forbid(unsafe_code)]

mod answer;
mod attribute;
mod audio;
mod capabilities;
mod codec;
mod connection;
mod describe;
mod direction;
mod error;
pub mod limits;
mod negotiation;
mod offer;
mod origin;
mod parse;
mod refusal;
mod remote;
mod session;
mod write;

pub use attribute::Attribute;
pub use audio::{AudioSession, TelephoneEvent};
pub use capabilities::{Capabilities, LocalMedia};
pub use codec::AudioCodec;
pub use connection::Connection;
pub use direction::Direction;
pub use error::{Problem, SdpError};
pub use negotiation::Negotiation;
pub use origin::Origin;
pub use refusal::Refusal;
pub use session::{Line, Media, Session};
