//! The system calls of the engine, each kind in one small module. All `unsafe` of this crate lives below here.

pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod epoll;
pub(crate) mod packet;
pub(crate) mod priority;
pub(crate) mod signals;
pub(crate) mod wake;
