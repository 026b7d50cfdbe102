//! Where one webhook goes.

use std::sync::Arc;

use axum::http::Method;
use model::{Activeflow, Customer};

use crate::http_client::Url;

/// Address, method and secret at one moment, made ready once for all requests.
#[derive(Debug)]
pub(super) struct Target {
    /// The destination's.
    pub(super) name: Arc<str>,
    pub(super) url: Arc<Url>,
    pub(super) method: Method,
    /// Empty = unsigned.
    pub(super) secret: String,
}

impl Target {
    /// Where all of a customer's events go. None if nowhere.
    pub(super) fn of_customer(customer: &Customer) -> Option<Target> {
        if customer.tm_delete.is_some() {
            return None;
        }
        let url = url(&customer.webhook_uri)?;
        let name = format!("customer:{}", customer.id);
        Some(Target::new(name, url, &customer.webhook_method, &customer.webhook_secret))
    }

    /// Where the events of one activeflow go too. None if nowhere.
    pub(super) fn of_activeflow(activeflow: &Activeflow) -> Option<Target> {
        let url = url(&activeflow.webhook_uri)?;
        let method = or_post(&activeflow.webhook_method);
        let scheme = if url.tls { "https" } else { "http" };
        let name = format!("activeflow:{method} {scheme}://{}{}", url.authority, url.path);
        Some(Target::new(name, url, method, ""))
    }

    fn new(name: String, url: Url, method: &str, secret: &str) -> Target {
        let method = Method::from_bytes(or_post(method).as_bytes()).unwrap_or(Method::POST);
        Target { name: name.into(), url: Arc::new(url), method, secret: secret.to_owned() }
    }
}

/// None for an empty address, which means "nowhere", and for one that cannot be asked.
fn url(uri: &str) -> Option<Url> {
    if uri.is_empty() { None } else { Url::parse(uri).ok() }
}

fn or_post(method: &str) -> &str {
    if method.is_empty() { "POST" } else { method }
}
