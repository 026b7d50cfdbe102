//! The signalling side: a user agent client of one call, without sockets or clocks of its own.

pub(crate) mod incoming;
pub(crate) mod sdp;
pub(crate) mod target;
pub(crate) mod uac;
