//! `health`: whether the process works and the lake can be reached. Answers within seconds whatever the lake does. Anybody may
//! ask, so the answer does not say what the lake is or why it is away: the log does.

use super::{Slot, json};
use crate::error::with_causes;
use crate::wire;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::time::Duration;

const LAKE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn handle(State(slot): Slot) -> Response {
    let reached = tokio::time::timeout(LAKE_TIMEOUT, async { slot.wait().await.lake.reach().await }).await;
    let (status, lake) = match reached {
        Ok(Ok(())) => (StatusCode::OK, "reachable"),
        Ok(Err(error)) => {
            tracing::warn!(function = "health", reason = with_causes(&error), "the lake cannot be reached");
            (StatusCode::SERVICE_UNAVAILABLE, "unreachable")
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer in time"),
    };
    let report = serde_json::json!({
        "status": if status.is_success() { "healthy" } else { "unhealthy" },
        "lake": lake,
        "version": env!("CARGO_PKG_VERSION"),
    });
    // The invocation succeeds either way: what the caller of the API gets is in the answer.
    json(StatusCode::OK, wire::http_response(status.as_u16(), &report.to_string(), "application/json"))
}
