//! `$cbs`: where clients put their tokens.

use super::reply::{Answer, Request, Status};
use super::token::Claims;
use fe2o3_amqp_types::primitives::Value;

/// Answers a `put-token`: 202, or 401 with the reason.
pub fn answer(request: &Request, claims: &Claims, now: i64) -> Answer {
    let status = match (request.property("operation"), request.text()) {
        (Some("put-token"), Some(token)) => match claims.put(token, now) {
            Ok(()) => Status::new(202, "Accepted"),
            Err(bad_token) => Status::new(401, bad_token.to_string()),
        },
        _ => Status::new(400, "Only the operation put-token, with a token as its body, is known here."),
    };
    request.answer(status, Value::Null)
}
