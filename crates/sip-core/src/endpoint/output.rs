//! What comes out of an endpoint: bytes to send and events for the core.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::transaction::{ClientTransactionId, ServerTransactionId};
use crate::{Hop, Message};

/// One thing to do, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Output {
    /// Send `message` from `hop.local` to `hop.remote`.
    Transmit {
        /// Where it leaves and where it goes.
        hop: Hop,
        /// The whole message.
        message: Bytes,
    },
    /// Tell the core.
    Event(EndpointEvent),
}

/// What the core (the transaction user of RFC 3261) is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EndpointEvent {
    /// A new request: never ACK, never CANCEL. An INVITE that has no response yet when [`crate::Endpoint::poll_output`] has
    /// nothing else to give is answered by 100. The core owes a final response: a non-INVITE may be left unanswered for 64*T1
    /// and is then forgotten, an INVITE waits for the core without limit.
    Request {
        /// To answer it.
        transaction: ServerTransactionId,
        /// The request as it came.
        request: Message,
        /// Where it came from.
        hop: Hop,
    },
    /// An ACK that acknowledges a 2xx (or nothing we know). Never answered.
    Ack {
        /// The ACK as it came.
        request: Message,
        /// Where it came from.
        hop: Hop,
    },
    /// The caller no longer wants its INVITE, which has no final response yet: answer it with 487 (RFC 3261 §9.2). The CANCEL
    /// itself has been answered.
    Cancel {
        /// The INVITE.
        invite: ServerTransactionId,
        /// The CANCEL as it came.
        cancel: Message,
    },
    /// A response to one of our requests. For an INVITE several 2xx may come, each to be acknowledged.
    Response {
        /// The request's transaction.
        transaction: ClientTransactionId,
        /// What was given with the request.
        owner: u64,
        /// The response as it came.
        response: Message,
        /// Where it came from.
        hop: Hop,
    },
    /// No final response came: to be taken as a 408 (RFC 3261 §8.1.3.1). The transaction is gone.
    RequestTimeout {
        /// The request's transaction.
        transaction: ClientTransactionId,
        /// What was given with the request.
        owner: u64,
    },
    /// The request could not be sent: to be taken as a 503 (RFC 3261 §8.1.3.1). The transaction is gone.
    RequestUnsent {
        /// The request's transaction.
        transaction: ClientTransactionId,
        /// What was given with the request.
        owner: u64,
    },
    /// Our non-2xx final response to an INVITE was never acknowledged. The transaction is gone.
    AckMissing {
        /// The INVITE.
        transaction: ServerTransactionId,
    },
    /// A response could not be sent. The transaction of an INVITE goes on, another is gone.
    ResponseUnsent {
        /// The request's transaction.
        transaction: ServerTransactionId,
    },
}
