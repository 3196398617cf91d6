//! Who may send: shared access signatures, and the sign-in of a connection.
//!
//! `SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key name}`, each value percent encoded. The
//! signature is HMAC-SHA256 over the encoded resource, a line feed and the expiry. The key protects nothing: every emulator
//! has the same one. The endpoint checks it so that a program that would fail against the service fails here too.

use crate::names::entity;
use base64_simd::STANDARD;
use chrono::{DateTime, Utc};
use fe2o3_amqp::acceptor::sasl_acceptor::SaslServerFrame;
use fe2o3_amqp_types::primitives::{Array, Symbol};
use fe2o3_amqp_types::sasl::{SaslCode, SaslInit, SaslOutcome, SaslResponse};
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub const KEY_NAME: &str = "RootManageSharedAccessKey";
pub const KEY: &str = "SAS_KEY_VALUE";

/// Entities for which one connection may have tokens.
const MAX_CLAIMS: usize = 64;

/// Why a token is refused, in the words of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("MalformedToken: The token is not a shared access signature.")]
    Malformed,
    #[error("InvalidSignature: The token has an invalid signature.")]
    Signature,
    #[error("ExpiredToken: The token is expired.")]
    Expired,
    #[error("The connection has tokens for too many entities.")]
    TooMany,
}

/// What a valid token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    /// Lower case; empty for the whole namespace.
    entity: String,
    expires_at: DateTime<Utc>,
}

fn check(token: &str, now: DateTime<Utc>) -> Result<Claim, TokenError> {
    let fields = token.strip_prefix("SharedAccessSignature ").ok_or(TokenError::Malformed)?;
    let fields: BTreeMap<&str, &str> = fields.split('&').filter_map(|field| field.split_once('=')).collect();
    let field = |name| fields.get(name).copied().ok_or(TokenError::Malformed);
    let (resource, expiry) = (field("sr")?, field("se")?);
    let expires_at: i64 = expiry.parse().map_err(|_| TokenError::Malformed)?;
    let signature = STANDARD.decode_to_vec(unescape(field("sig")?)).map_err(|_| TokenError::Malformed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let is_signed = hmac::verify(&key, format!("{resource}\n{expiry}").as_bytes(), &signature).is_ok();
    if !is_signed || unescape(field("skn")?) != KEY_NAME {
        return Err(TokenError::Signature);
    }
    if expires_at <= now.timestamp() {
        return Err(TokenError::Expired);
    }
    let expires_at = DateTime::from_timestamp(expires_at, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Ok(Claim { entity: entity(&unescape(resource)).to_ascii_lowercase(), expires_at })
}

/// Decodes percent escapes. A plus sign stays what it is: a digit of base64.
fn unescape(text: &str) -> String {
    let escaped_plus = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={escaped_plus}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// What the peer of one connection may do: when the claim for each entity expires.
#[derive(Debug, Default)]
pub struct Claims(Mutex<BTreeMap<String, DateTime<Utc>>>);

impl Claims {
    /// Accepts `token` if it is valid at `now`.
    pub fn put(&self, token: &str, now: DateTime<Utc>) -> Result<(), TokenError> {
        self.grant(check(token, now)?)
    }

    /// Allows everything while the connection lasts: its peer has signed in with the key itself.
    fn grant_all(&self) {
        let _ = self.grant(Claim { entity: String::new(), expires_at: DateTime::<Utc>::MAX_UTC });
    }

    fn grant(&self, claim: Claim) -> Result<(), TokenError> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if claims.len() >= MAX_CLAIMS && !claims.contains_key(&claim.entity) {
            return Err(TokenError::TooMany);
        }
        claims.insert(claim.entity, claim.expires_at);
        Ok(())
    }

    pub fn allow(&self, entity: &str, now: DateTime<Utc>) -> bool {
        let claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ["", &entity.to_ascii_lowercase()].iter().any(|of| claims.get(*of).is_some_and(|expires_at| *expires_at > now))
    }
}

/// Offers the mechanisms that the official clients choose from. `PLAIN` signs in with the key; after the others the client
/// has to put a token.
#[derive(Debug, Clone)]
pub struct SaslAcceptor {
    pub claims: Arc<Claims>,
}

impl SaslAcceptor {
    fn check_plain(&self, init: &SaslInit) -> SaslCode {
        let response = init.initial_response.as_ref().map_or(&[][..], |response| response.as_slice());
        // An identity, the user and the password, with zeros between them.
        let mut parts = response.splitn(3, |&byte| byte == 0).skip(1);
        if parts.next() == Some(KEY_NAME.as_bytes()) && parts.next() == Some(KEY.as_bytes()) {
            self.claims.grant_all();
            return SaslCode::Ok;
        }
        SaslCode::Auth
    }
}

impl fe2o3_amqp::acceptor::SaslAcceptor for SaslAcceptor {
    fn mechanisms(&self) -> Array<Symbol> {
        Array::from(["MSSBCBS", "PLAIN", "ANONYMOUS"].map(Symbol::from).to_vec())
    }

    fn on_init(&mut self, init: SaslInit) -> SaslServerFrame {
        outcome(match init.mechanism.as_str() {
            "MSSBCBS" | "ANONYMOUS" => SaslCode::Ok,
            "PLAIN" => self.check_plain(&init),
            _ => SaslCode::Auth,
        })
    }

    fn on_response(&mut self, _: SaslResponse) -> SaslServerFrame {
        // The endpoint sends no challenge, so a response answers nothing.
        outcome(SaslCode::Sys)
    }
}

fn outcome(code: SaslCode) -> SaslServerFrame {
    SaslServerFrame::Outcome(SaslOutcome { code, additional_data: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_768_478_400, 0).expect("a valid instant");

    fn after(seconds: i64) -> DateTime<Utc> {
        NOW + TimeDelta::seconds(seconds)
    }

    fn token(resource: &str, key: &str, expires_at: DateTime<Utc>) -> String {
        let resource: String = url::form_urlencoded::byte_serialize(resource.as_bytes()).collect();
        let expiry = expires_at.timestamp();
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = STANDARD.encode_to_string(hmac::sign(&key, format!("{resource}\n{expiry}").as_bytes()));
        let signature: String = url::form_urlencoded::byte_serialize(signature.as_bytes()).collect();
        format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={KEY_NAME}")
    }

    #[test]
    fn a_token_allows_its_entity_until_it_expires() {
        let claims = Claims::default();
        claims.put(&token("sb://localhost:5672/Clicks", KEY, after(10)), NOW).unwrap();
        assert!(claims.allow("clicks", NOW));
        assert!(!claims.allow("other", NOW));
        assert!(!claims.allow("clicks", after(10)));
        claims.put(&token("sb://localhost/", KEY, after(20)), NOW).unwrap();
        assert!(claims.allow("other", NOW));
    }

    #[test]
    fn a_token_with_another_key_an_expired_one_and_one_of_another_kind_are_refused() {
        let valid = token("sb://localhost/clicks", KEY, after(10));
        let changed = valid.replace("clicks", "others");
        for (token, reason) in [
            (token("sb://localhost/clicks", "another key", after(10)), TokenError::Signature),
            (changed, TokenError::Signature),
            (token("sb://localhost/clicks", KEY, NOW), TokenError::Expired),
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln".to_owned(), TokenError::Malformed),
            ("SharedAccessSignature ".to_owned(), TokenError::Malformed),
            ("SharedAccessSignature sr=a&sig=%&se=99999999999&skn=b".to_owned(), TokenError::Malformed),
        ] {
            assert_eq!(check(&token, NOW), Err(reason), "{token}");
        }
    }

    #[test]
    fn a_connection_has_a_bounded_number_of_claims() {
        let claims = Claims::default();
        let put = |n: usize| claims.put(&token(&format!("sb://localhost/{n}"), KEY, after(10)), NOW);
        assert!((0..MAX_CLAIMS).all(|n| put(n).is_ok()));
        assert_eq!(put(MAX_CLAIMS), Err(TokenError::TooMany));
        assert_eq!(put(0), Ok(()));
    }
}
