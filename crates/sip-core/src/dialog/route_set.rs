//! The proxies that want to stay in the path of a dialog: RFC 3261 §12.1 and §12.2.1.1.

use serde::{Deserialize, Serialize};

use crate::header::{HeaderError, NameAddr};
use crate::{Message, Uri};

/// Routes in the order in which our requests pass them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RouteSet(Vec<NameAddr>);

impl RouteSet {
    /// From their request: as listed (§12.1.1).
    pub(super) fn of_uas(request: &Message) -> Result<RouteSet, HeaderError> {
        request.record_routes().collect::<Result<_, _>>().map(RouteSet)
    }

    /// From their response: in reverse (§12.1.2).
    pub(super) fn of_uac(response: &Message) -> Result<RouteSet, HeaderError> {
        let mut routes = response.record_routes().collect::<Result<Vec<_>, _>>()?;
        routes.reverse();
        Ok(RouteSet(routes))
    }

    pub(super) fn first(&self) -> Option<&NameAddr> {
        self.0.first()
    }

    /// Request-URI and Route headers of a request to `target` (§12.2.1.1).
    pub(super) fn towards(&self, target: &Uri) -> (Uri, Vec<NameAddr>) {
        let strict = self.first().filter(|first| !first.is_loose_route()).and_then(|first| first.uri().ok());
        match strict {
            None => (as_request_uri(target.clone()), self.0.clone()),
            // A strict router takes the Request-URI for the next hop, so the target travels as the last Route.
            Some(strict) => {
                let mut routes = self.0[1..].to_vec();
                routes.push(NameAddr::new(None, target));
                (as_request_uri(strict), routes)
            }
        }
    }
}

/// A URI without what may not stand in a Request-URI: headers and the method parameter (§19.1.1 table 1).
fn as_request_uri(uri: Uri) -> Uri {
    let uri = uri.without_headers();
    if !uri.params().has("method") {
        return uri;
    }
    let text = uri.as_str().as_bytes();
    let mut stripped = text[..text.len() - uri.params().as_bytes().len()].to_vec();
    for param in uri.params().iter().filter(|param| !param.name.eq_ignore_ascii_case(b"method")) {
        stripped.push(b';');
        stripped.extend_from_slice(param.name);
        if let Some(value) = param.value {
            stripped.push(b'=');
            stripped.extend_from_slice(value);
        }
    }
    Uri::parse(stripped).unwrap_or(uri)
}
