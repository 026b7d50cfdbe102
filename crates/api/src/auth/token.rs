//! The tokens of logged-in people: JWT with HS256, valid for 7 days or until the password is another one.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use model::{Agent, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::now;

/// How long a token is valid, seconds.
pub(crate) const VALID_S: u64 = 7 * 24 * 3_600;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    customer_id: Uuid,
    /// Of the password's hash when it was made.
    mark: String,
    iat: u64,
    exp: u64,
}

/// What a token says of its owner.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Login {
    pub(crate) agent: Uuid,
    /// When it ends.
    pub(crate) until: Timestamp,
    mark: String,
}

impl Login {
    /// Whether the agent still has the password that the token was made for.
    pub(crate) fn is_of(&self, agent: &Agent) -> bool {
        self.mark == mark(agent)
    }
}

/// 64 bits of a hash of the password's hash: they tell nothing of the password, and change with it.
fn mark(agent: &Agent) -> String {
    let digest = Sha256::digest(agent.password_hash.as_bytes());
    digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect()
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
    pub(crate) fn sign(&self, agent: &Agent) -> Option<String> {
        let iat = now().as_us() / 1_000_000;
        let claims =
            Claims { sub: agent.id, customer_id: agent.customer_id, mark: mark(agent), iat, exp: iat + VALID_S };
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign).ok()
    }

    /// What a token says, if it is one of ours and has not ended.
    pub(crate) fn read(&self, token: &str) -> Option<Login> {
        let Claims { sub, mark, exp, .. } = decode::<Claims>(token, &self.check, &self.rules).ok()?.claims;
        Some(Login { agent: sub, until: Timestamp::from_us(exp.saturating_mul(1_000_000)), mark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tokens_are_valid() {
        let (ours, other) = (Tokens::new(&[1; 32]), Tokens::new(&[2; 32]));
        let agent = Agent { id: Uuid::from_u128(5), password_hash: "one".into(), ..Agent::default() };
        let token = ours.sign(&agent).unwrap();
        let login = ours.read(&token).unwrap();
        assert_eq!(login.agent, agent.id);
        assert!(login.is_of(&agent) && !login.is_of(&Agent { password_hash: "two".into(), ..agent }));
        let left_s = (login.until.as_us() - now().as_us()).div_ceil(1_000_000);
        assert!((VALID_S - 2..=VALID_S).contains(&left_s), "{left_s}");
        assert_eq!(other.read(&token), None);
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDUifQ.";
        assert_eq!(ours.read(unsigned), None);
    }

    #[test]
    fn a_token_ends() {
        let tokens = Tokens::new(&[1; 32]);
        let past = now().as_us() / 1_000_000 - 10;
        let (sub, customer_id) = (Uuid::nil(), Uuid::nil());
        let claims = Claims { sub, customer_id, mark: String::new(), iat: past - VALID_S, exp: past };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &tokens.sign).unwrap();
        assert_eq!(tokens.read(&token), None);
    }
}
