//! Sounds made ready: found, fetched, decoded or spoken, converted to 8 kHz and encoded on threads of low priority, then shared.

mod cache;
mod fetch;
mod load;
mod resample;
mod service;
mod source;
mod speak;
mod threads;
mod wav;

pub(crate) use service::Sounds;
pub(crate) use threads::{SoundThreads, spawn};
