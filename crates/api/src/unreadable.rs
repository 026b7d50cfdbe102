//! What a WebSocket is told whose frames cannot be read.

use axum::extract::ws::close_code;

/// Code and reason of the Close frame (RFC 6455 §7.4.1); none where the other side is gone and nobody would read it. The library
/// below axum tells kinds of errors apart by the beginning of their text, which a test holds.
pub(crate) fn unreadable(error: &axum::Error) -> Option<(u16, &'static str)> {
    let text = error.to_string();
    match () {
        () if text.starts_with("Space limit exceeded") => Some((close_code::SIZE, "the message is too long")),
        () if text.starts_with("UTF-8") => Some((close_code::INVALID, "the text is not UTF-8")),
        // This one tells of a TCP connection that just ended.
        () if text.contains("without closing handshake") => None,
        () if text.starts_with("WebSocket protocol error") => Some((close_code::PROTOCOL, "not as RFC 6455 wants it")),
        () => None,
    }
}
