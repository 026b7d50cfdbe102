//! Which addresses may be asked where not all may: looked up once, looked at, and then connected to, so that a second answer of
//! the DNS cannot lead elsewhere.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The hosts of the requests that are under way with the addresses that are fit for them: one entry for each request, of which
/// there are no more than may be fetched at once.
#[derive(Debug, Default)]
pub(super) struct Pinned(Mutex<Vec<(String, Vec<SocketAddr>)>>);

/// As long as it lives the host stays pinned.
pub(super) struct Pin {
    pinned: Arc<Pinned>,
    host: String,
}

impl Pinned {
    /// Looks the host up, which may take its time: a thread waits for it.
    ///
    /// # Errors
    /// In words, when it has no address that may be asked.
    pub(super) async fn pin(self: &Arc<Pinned>, url: &Url, may_ask: fn(IpAddr) -> bool) -> Result<Pin, String> {
        let asked = url.clone();
        let found = tokio::task::spawn_blocking(move || asked.socket_addrs(|| None)).await;
        let found = found.map_err(std::io::Error::other).and_then(|found| found);
        let found = found.map_err(|error| format!("the host cannot be found: {error}"))?;
        let fit: Vec<SocketAddr> = found.iter().copied().filter(|address| may_ask(address.ip())).collect();
        if fit.is_empty() {
            return Err(match found.first() {
                Some(address) => {
                    format!("{} is a private address, and these are refused by the configuration", address.ip())
                }
                None => "the host has no address".to_owned(),
            });
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        self.entries().push((host.clone(), fit));
        Ok(Pin { pinned: self.clone(), host })
    }

    fn entries(&self) -> MutexGuard<'_, Vec<(String, Vec<SocketAddr>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut entries = self.pinned.entries();
        if let Some(at) = entries.iter().position(|(host, _)| *host == self.host) {
            entries.swap_remove(at);
        }
    }
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let entries = self.entries();
        let found = entries.iter().find(|(host, _)| host.eq_ignore_ascii_case(name.as_str()));
        let answer = match found {
            Some((_, addresses)) => Ok(Box::new(addresses.clone().into_iter()) as Addrs),
            None => Err(format!("{} was not looked at", name.as_str()).into()),
        };
        Box::pin(ready(answer))
    }
}
