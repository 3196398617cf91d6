//! The sign-in of a connection: the mechanisms that the official clients choose from.

use super::token::{Claims, KEY, KEY_NAME};
use fe2o3_amqp::acceptor::SaslAcceptor;
use fe2o3_amqp::acceptor::sasl_acceptor::SaslServerFrame;
use fe2o3_amqp_types::primitives::{Array, Symbol};
use fe2o3_amqp_types::sasl::{SaslCode, SaslInit, SaslOutcome, SaslResponse};
use std::sync::Arc;

/// `PLAIN` signs in with the key; behind the others a token has to be put.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub claims: Arc<Claims>,
}

impl SignIn {
    fn plain(&self, init: &SaslInit) -> SaslCode {
        let response = init.initial_response.as_ref().map_or(&[][..], |response| response.as_slice());
        let mut parts = response.splitn(3, |&byte| byte == 0).skip(1);
        if parts.next() == Some(KEY_NAME.as_bytes()) && parts.next() == Some(KEY.as_bytes()) {
            self.claims.grant_all();
            return SaslCode::Ok;
        }
        SaslCode::Auth
    }
}

impl SaslAcceptor for SignIn {
    fn mechanisms(&self) -> Array<Symbol> {
        Array::from(["MSSBCBS", "PLAIN", "ANONYMOUS"].map(Symbol::from).to_vec())
    }

    fn on_init(&mut self, init: SaslInit) -> SaslServerFrame {
        outcome(match init.mechanism.as_str() {
            "MSSBCBS" | "ANONYMOUS" => SaslCode::Ok,
            "PLAIN" => self.plain(&init),
            _ => SaslCode::Auth,
        })
    }

    fn on_response(&mut self, _: SaslResponse) -> SaslServerFrame {
        // There was no challenge.
        outcome(SaslCode::Sys)
    }
}

fn outcome(code: SaslCode) -> SaslServerFrame {
    SaslServerFrame::Outcome(SaslOutcome { code, additional_data: None })
}
