//! Limits on requests per address and per customer (spec/resources.md §1). Off unless the operator sets them.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::ErrorStatus;
use serde_json::json;
use uuid::Uuid;

use crate::listener::Peer;
use crate::problem::Problem;
use crate::service::Api;

/// So many at once, and so many per second from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Requests that may come at once.
    pub burst: u32,
}

/// All limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// Requests to `/auth/…` of one address.
    pub auth: RateLimit,
    /// Other requests of one address.
    pub address: RateLimit,
    /// Requests of one customer.
    pub customer: RateLimit,
}

/// Those of VoIPBIN.
impl Default for RateLimits {
    fn default() -> RateLimits {
        RateLimits {
            auth: RateLimit { per_second: 10.0, burst: 20 },
            address: RateLimit { per_second: 200.0, burst: 400 },
            customer: RateLimit { per_second: 16.7, burst: 33 },
        }
    }
}

/// The buckets.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    auth: Buckets<IpAddr>,
    address: Buckets<IpAddr>,
    customer: Buckets<Uuid>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> RateLimiter {
        RateLimiter {
            auth: Buckets::new(limits.auth),
            address: Buckets::new(limits.address),
            customer: Buckets::new(limits.customer),
        }
    }

    /// Takes one request of a customer.
    pub(crate) fn customer(&self, id: Uuid) -> Result<(), Problem> {
        self.customer.take(id, Instant::now()).map_err(|seconds| refusal("customer", seconds))
    }
}

/// Takes one request of the address that it comes from.
pub(crate) async fn limit_by_address(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if let (Some(limiter), Some(ConnectInfo(peer))) = (&api.limiter, request.extensions().get::<ConnectInfo<Peer>>()) {
        let path = request.uri().path();
        let is_auth = path.starts_with("/auth/") || path.starts_with("/v1.0/auth/");
        let buckets = if is_auth { &limiter.auth } else { &limiter.address };
        if let Err(seconds) = buckets.take(peer.address.ip(), Instant::now()) {
            return refusal("ip", seconds).into_response();
        }
    }
    next.run(request).await
}

fn refusal(limited_by: &str, seconds: u64) -> Problem {
    let message = format!("too many requests; come again in {seconds} s");
    let mut problem = Problem::new(ErrorStatus::ResourceExhausted, "RATE_LIMIT_EXCEEDED", message);
    problem.details.push(json!({ "limited_by": limited_by }));
    problem.retry_after = Some(seconds);
    problem
}

/// One token bucket per key.
#[derive(Debug)]
struct Buckets<K> {
    limit: RateLimit,
    levels: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Eq + Hash + Copy> Buckets<K> {
    /// Most keys; when they are reached, those whose buckets are full again are forgotten, or all if none is.
    const MAX: usize = 10_000;

    fn new(limit: RateLimit) -> Buckets<K> {
        Buckets { limit, levels: Mutex::default() }
    }

    /// Takes one token, or says after how many seconds there will be one.
    fn take(&self, key: K, now: Instant) -> Result<(), u64> {
        let (burst, rate) = (f64::from(self.limit.burst.max(1)), self.limit.per_second.max(0.001));
        let filled = |level: f64, at: Instant| (level + now.duration_since(at).as_secs_f64() * rate).min(burst);
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= Self::MAX && !levels.contains_key(&key) {
            levels.retain(|_, (level, at)| filled(*level, *at) < burst);
            if levels.len() >= Self::MAX {
                levels.clear();
            }
        }
        let (level, at) = levels.entry(key).or_insert((burst, now));
        let current = filled(*level, *at);
        *at = now;
        if current >= 1.0 {
            *level = current - 1.0;
            Ok(())
        } else {
            *level = current;
            Err((((1.0 - current) / rate).ceil() as u64).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let buckets = Buckets::new(RateLimit { per_second: 2.0, burst: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(1, start), Ok(()));
        }
        assert_eq!(buckets.take(1, start), Err(1));
        assert_eq!(buckets.take(2, start), Ok(()), "each key has its own bucket");
        assert_eq!(buckets.take(1, start + Duration::from_millis(500)), Ok(()));
        assert!(buckets.take(1, start + Duration::from_millis(500)).is_err());
    }

    #[test]
    fn many_keys_do_not_fill_the_memory() {
        let buckets = Buckets::new(RateLimit { per_second: 0.001, burst: 2 });
        let start = Instant::now();
        for key in 0..3 * Buckets::<usize>::MAX {
            let _ = buckets.take(key, start);
        }
        assert!(buckets.levels.lock().unwrap().len() <= Buckets::<usize>::MAX);
    }
}
