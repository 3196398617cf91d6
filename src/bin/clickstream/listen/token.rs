//! Shared access signatures: who signs with the emulator's key may send.
//!
//! `SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key name}`, each value percent encoded; signed
//! are the encoded resource, a line feed and the expiry, with HMAC-SHA256. The key protects nothing: it is the one that
//! every emulator has. It is checked so that a program that would fail against the service fails here.

use super::address::entity;
use base64_simd::STANDARD;
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub const KEY_NAME: &str = "RootManageSharedAccessKey";
pub const KEY: &str = "SAS_KEY_VALUE";

/// Entities that one connection may have tokens for.
const MOST_CLAIMS: usize = 64;

/// Why a token is not taken, as the service says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("MalformedToken: The token is not a shared access signature.")]
    Malformed,
    #[error("InvalidSignature: The token has an invalid signature.")]
    Signature,
    #[error("ExpiredToken: The token is expired.")]
    Expired,
    #[error("The connection has tokens for too many entities.")]
    TooMany,
}

/// What a good token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Lower case; empty for all of the namespace.
    pub entity: String,
    /// Seconds since the epoch.
    pub expires_at: i64,
}

/// Reads `token` as of `now`, in seconds since the epoch.
pub fn check(token: &str, now: i64) -> Result<Claim, BadToken> {
    let fields = token.strip_prefix("SharedAccessSignature ").ok_or(BadToken::Malformed)?;
    let fields: BTreeMap<&str, &str> = fields.split('&').filter_map(|field| field.split_once('=')).collect();
    let field = |name| fields.get(name).copied().ok_or(BadToken::Malformed);
    let (resource, expiry) = (field("sr")?, field("se")?);
    let expires_at: i64 = expiry.parse().map_err(|_| BadToken::Malformed)?;
    let signature = STANDARD.decode_to_vec(unescaped(field("sig")?)).map_err(|_| BadToken::Malformed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let is_signed = hmac::verify(&key, format!("{resource}\n{expiry}").as_bytes(), &signature).is_ok();
    if !is_signed || unescaped(field("skn")?) != KEY_NAME {
        return Err(BadToken::Signature);
    }
    if expires_at <= now {
        return Err(BadToken::Expired);
    }
    Ok(Claim { entity: entity(&unescaped(resource)).to_ascii_lowercase(), expires_at })
}

/// Percent escapes undone. A plus sign stands for itself: it is one of base64's digits.
fn unescaped(text: &str) -> String {
    let escaped_plus = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={escaped_plus}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// What the peer of one connection may do.
#[derive(Debug, Default)]
pub struct Claims {
    claims: Mutex<BTreeMap<String, i64>>,
}

impl Claims {
    /// Takes `token` as of `now`.
    pub fn put(&self, token: &str, now: i64) -> Result<(), BadToken> {
        self.grant(check(token, now)?)
    }

    /// Everything, for as long as the connection lasts: its peer has signed in with the key itself.
    pub fn grant_all(&self) {
        let _ = self.grant(Claim { entity: String::new(), expires_at: i64::MAX });
    }

    fn grant(&self, claim: Claim) -> Result<(), BadToken> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        if claims.len() >= MOST_CLAIMS && !claims.contains_key(&claim.entity) {
            return Err(BadToken::TooMany);
        }
        claims.insert(claim.entity, claim.expires_at);
        Ok(())
    }

    pub fn allow(&self, entity: &str, now: i64) -> bool {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        ["", &entity.to_ascii_lowercase()].iter().any(|of| claims.get(*of).is_some_and(|expires_at| *expires_at > now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_768_478_400;

    fn token(resource: &str, key: &str, expires_at: i64) -> String {
        let resource: String = url::form_urlencoded::byte_serialize(resource.as_bytes()).collect();
        let signed = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            format!("{resource}\n{expires_at}").as_bytes(),
        );
        let signature: String =
            url::form_urlencoded::byte_serialize(STANDARD.encode_to_string(signed).as_bytes()).collect();
        format!("SharedAccessSignature sr={resource}&sig={signature}&se={expires_at}&skn={KEY_NAME}")
    }

    #[test]
    fn a_token_allows_its_entity_until_it_expires() {
        let claims = Claims::default();
        claims.put(&token("sb://localhost:5672/Clicks", KEY, NOW + 10), NOW).unwrap();
        assert!(claims.allow("clicks", NOW));
        assert!(!claims.allow("other", NOW));
        assert!(!claims.allow("clicks", NOW + 10));
        claims.put(&token("sb://localhost/", KEY, NOW + 20), NOW).unwrap();
        assert!(claims.allow("other", NOW));
    }

    #[test]
    fn a_token_of_another_key_of_yesterday_or_of_another_kind_is_not_taken() {
        let good = token("sb://localhost/clicks", KEY, NOW + 10);
        let changed = good.replace("clicks", "others");
        for (token, reason) in [
            (token("sb://localhost/clicks", "another key", NOW + 10), BadToken::Signature),
            (changed, BadToken::Signature),
            (token("sb://localhost/clicks", KEY, NOW), BadToken::Expired),
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln".to_owned(), BadToken::Malformed),
            ("SharedAccessSignature ".to_owned(), BadToken::Malformed),
            ("SharedAccessSignature sr=a&sig=%&se=99999999999&skn=b".to_owned(), BadToken::Malformed),
        ] {
            assert_eq!(check(&token, NOW), Err(reason), "{token}");
        }
    }

    #[test]
    fn a_connection_has_a_bounded_number_of_claims() {
        let claims = Claims::default();
        let put = |n: usize| claims.put(&token(&format!("sb://localhost/{n}"), KEY, NOW + 10), NOW);
        assert!((0..MOST_CLAIMS).all(|n| put(n).is_ok()));
        assert_eq!(put(MOST_CLAIMS), Err(BadToken::TooMany));
        assert_eq!(put(0), Ok(()));
    }
}
