//! RTP as the caller sees it, written apart from the server's own RTP so that neither hides the other's mistakes.

pub(crate) mod digits;
pub(crate) mod echo_check;
pub(crate) mod g711;
pub(crate) mod mark;
pub(crate) mod packet;
pub(crate) mod stream_check;
pub(crate) mod tone;
pub(crate) mod tones;
