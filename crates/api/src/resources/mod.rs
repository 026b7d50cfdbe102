//! The resources, one file each: what they take, what they give, what happens.

mod accesskeys;
mod activeflows;
mod available_numbers;
mod calls;
mod confbridges;
mod conferencecalls;
mod conferences;
mod customer;
mod direct_hash;
mod events;
mod extensions;
mod flows;
mod list;
mod me;
mod number_renewal;
mod numbers;
mod recording_files;
mod recordings;
mod registrations;
mod timelines;

pub use accesskeys::EXPIRE_MAX;
pub use customer::check_webhook_uri;

use crate::auth;
use crate::endpoints::Endpoints;
use crate::openapi::Operation;

/// Everything under `/v1.0` and `/auth`.
pub(crate) fn endpoints() -> Endpoints {
    let mut endpoints = Endpoints::new();
    auth::schemas(&mut endpoints);
    for path in ["/auth/login", "/v1.0/auth/login"] {
        let operation = Operation::new("auth", "Logs a person in").gives("Login").takes("LoginRequest").public();
        endpoints.post(path, operation, auth::login);
    }
    me::endpoints(&mut endpoints);
    customer::endpoints(&mut endpoints);
    accesskeys::endpoints(&mut endpoints);
    flows::endpoints(&mut endpoints);
    activeflows::endpoints(&mut endpoints);
    calls::endpoints(&mut endpoints);
    recordings::endpoints(&mut endpoints);
    recording_files::endpoints(&mut endpoints);
    conferences::endpoints(&mut endpoints);
    conferencecalls::endpoints(&mut endpoints);
    confbridges::endpoints(&mut endpoints);
    numbers::endpoints(&mut endpoints);
    number_renewal::endpoints(&mut endpoints);
    available_numbers::endpoints(&mut endpoints);
    extensions::endpoints(&mut endpoints);
    registrations::endpoints(&mut endpoints);
    timelines::endpoints(&mut endpoints);
    events::endpoints(&mut endpoints);
    crate::sip::endpoints(&mut endpoints);
    endpoints
}
