//! What a transaction wants done. The tables give these values; the endpoint carries them out.

use super::timer::Timer;

/// An effect of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEffect {
    /// Send the request, first or again.
    SendRequest,
    /// Send the ACK of a non-2xx final response, RFC 3261 §17.1.1.3.
    SendAck,
    /// Send a CANCEL in a transaction of its own, RFC 3261 §9.1.
    SendCancel,
    /// Remember that the core wants a CANCEL until a provisional response permits it, RFC 3261 §9.1.
    HoldCancel,
    /// Give the response to the core.
    PassResponse,
    /// Tell the core that no final response came.
    ReportTimeout,
    /// Tell the core that the request could not be sent.
    ReportTransportError,
    /// Start a timer with its first value.
    Start(Timer),
    /// Start a repetition timer with twice its last value, up to its limit.
    Backoff(Timer),
    /// Start a repetition timer with its longest value, T2.
    StartSlow(Timer),
    /// Stop a timer.
    Stop(Timer),
}

/// An effect of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerEffect {
    /// Give the request to the core.
    PassRequest,
    /// Give the ACK to the core.
    PassAck,
    /// Send 100 Trying unless the core answers at once, RFC 3261 §17.2.1.
    SendTrying,
    /// Send the response that the core has just given.
    SendResponse,
    /// Send the last response again.
    RepeatResponse,
    /// Tell the core that a non-2xx final response was never acknowledged.
    ReportAckMissing,
    /// Tell the core that the response could not be sent.
    ReportTransportError,
    /// Count a request that the core never answered.
    CountUnanswered,
    /// Start a timer with its first value.
    Start(Timer),
    /// Start a repetition timer with twice its last value, up to its limit.
    Backoff(Timer),
    /// Stop a timer.
    Stop(Timer),
}
