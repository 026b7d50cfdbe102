//! The header `X-VoIPBIN-Signature`.

use axum::http::HeaderValue;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::hex;

/// `sha256=` and the HMAC-SHA256 of the body, lower-case hex; none without a secret.
pub(crate) fn signature(secret: &str, body: &[u8]) -> Option<HeaderValue> {
    if secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    HeaderValue::try_from(format!("sha256={}", hex(&mac.finalize().into_bytes()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let signature = signature("Jefe", b"what do ya want for nothing?").unwrap();
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature, expected);
        assert_eq!(super::signature("", b"x"), None);
    }
}
