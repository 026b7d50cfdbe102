//! The tokens of logged-in people: JWT with HS256, valid for 7 days.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::now;

/// How long a token is valid, seconds.
pub(crate) const VALID_S: u64 = 7 * 24 * 3_600;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    customer_id: Uuid,
    iat: u64,
    exp: u64,
}

/// Signs and checks tokens.
pub(crate) struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
    rules: Validation,
}

impl Tokens {
    pub(crate) fn new(secret: &[u8]) -> Tokens {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        Tokens { sign: EncodingKey::from_secret(secret), check: DecodingKey::from_secret(secret), rules }
    }

    /// A token for this agent.
    pub(crate) fn sign(&self, agent: Uuid, customer_id: Uuid) -> Option<String> {
        let iat = now().as_us() / 1_000_000;
        let claims = Claims { sub: agent, customer_id, iat, exp: iat + VALID_S };
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign).ok()
    }

    /// The agent that a token was made for, and when the token ends, if it is one of ours and still valid.
    pub(crate) fn agent_of(&self, token: &str) -> Option<(Uuid, Timestamp)> {
        let claims = decode::<Claims>(token, &self.check, &self.rules).ok()?.claims;
        Some((claims.sub, Timestamp::from_us(claims.exp.saturating_mul(1_000_000))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tokens_are_valid() {
        let (ours, other) = (Tokens::new(&[1; 32]), Tokens::new(&[2; 32]));
        let id = Uuid::from_u128(5);
        let token = ours.sign(id, Uuid::nil()).unwrap();
        let (agent, until) = ours.agent_of(&token).unwrap();
        assert_eq!(agent, id);
        let left_s = (until.as_us() - now().as_us()).div_ceil(1_000_000);
        assert!((VALID_S - 2..=VALID_S).contains(&left_s), "{left_s}");
        assert_eq!(other.agent_of(&token), None);
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDUifQ.";
        assert_eq!(ours.agent_of(unsigned), None);
    }

    #[test]
    fn a_token_ends() {
        let tokens = Tokens::new(&[1; 32]);
        let past = now().as_us() / 1_000_000 - 10;
        let claims = Claims { sub: Uuid::nil(), customer_id: Uuid::nil(), iat: past - VALID_S, exp: past };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &tokens.sign).unwrap();
        assert_eq!(tokens.agent_of(&token), None);
    }
}
