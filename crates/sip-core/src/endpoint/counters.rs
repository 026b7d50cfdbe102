//! What an endpoint counts. Plain numbers that only grow; the driver publishes them.

use serde::{Deserialize, Serialize};

/// Counters of one [`Endpoint`](crate::Endpoint) since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCounters {
    /// Requests handed in, repetitions, ACK and CANCEL included.
    pub requests_received: u64,
    /// Responses handed in.
    pub responses_received: u64,
    /// Received requests that were repetitions of one we know.
    pub requests_repeated_by_peer: u64,
    /// Requests sent again because no answer came (Timers A and E).
    pub requests_repeated: u64,
    /// Responses sent again, because the request was repeated or the ACK is missing (Timer G).
    pub responses_repeated: u64,
    /// Received responses that belong to no transaction: dropped.
    pub stray_responses: u64,
    /// Requests turned away by 503 because the table is full.
    pub refused_full: u64,
    /// Requests answered by 482 because another copy of them is being served, RFC 3261 §8.2.2.2.
    pub merged: u64,
    /// CANCELs answered by 481 because nothing matches, RFC 3261 §9.2.
    pub cancels_unmatched: u64,
    /// Requests dropped because nothing in them tells how to answer.
    pub unanswerable: u64,
    /// Responses of our core to transactions that are gone or already have their final response: dropped.
    pub late_responses: u64,
    /// Non-2xx final responses to INVITE that were never acknowledged (Timer H).
    pub acks_missing: u64,
    /// Our requests that got no final response (Timers B and F, or 64*T1 after CANCEL).
    pub request_timeouts: u64,
    /// Requests that our core did not answer while the answer could be of use.
    pub unanswered: u64,
    /// Transactions told that their message could not be sent.
    pub transport_errors: u64,
}
