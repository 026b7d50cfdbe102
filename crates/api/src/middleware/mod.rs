//! What every request passes through, outermost first: [`request_id`], panics, [`rate_limit`].

mod panic;
mod rate_limit;
mod request_id;

pub(crate) use panic::catch_panics;
pub use rate_limit::{RateLimit, RateLimits};
pub(crate) use rate_limit::{RateLimiter, limit_by_address};
pub(crate) use request_id::{ApiNumbers, request_id};
