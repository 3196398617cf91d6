//! The functions: an adapter each, from the host's request to a call and back.
//!
//! The host's rules, in short. Success is a 2xx with a JSON object, never an empty body. Anything else is a failure: `ingest`
//! is called again by its retry policy, a timer function at its next time. The host throws the body of a failure away, so
//! the reason goes to standard output ([`mod@answer`]).

pub mod answer;

use crate::app::App;
use crate::error::with_causes;
use crate::gold::{self, rebuild::Scope};
use crate::ingest::{self, IngestError};
use crate::lake::LakeError;
use crate::wire::{self, EnvelopeError};
use answer::{AppSlot, answer, json, no_such_function};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Names of the functions, as their folders are called.
pub const NAMES: [&str; 4] = ["ingest", "sessionize", "rebuild", "health"];

/// Binding in `functions/ingest/function.json`.
const EVENTS_BINDING: &str = "events";

/// `health` answers within this time whatever the lake does.
const LAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The functions by their routes. `slot` may still be empty: the port has to answer before the app is made.
pub fn router(slot: AppSlot) -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/ingest", post(async |slot, request| answer("ingest", slot, request, ingest).await))
        .route("/sessionize", post(async |slot, request| answer("sessionize", slot, request, sessionize).await))
        .route("/rebuild", post(async |slot, request| answer("rebuild", slot, request, rebuild).await))
        .route("/health", post(health))
        .fallback(async |request: Request| no_such_function(request.uri().path()))
        .layer(DefaultBodyLimit::disable())
        .with_state(slot)
}

/// One batch of one partition into bronze, silver and quarantine.
pub async fn ingest(app: App, body: Bytes) -> Result<ingest::Report, IngestError<EnvelopeError>> {
    app.ingest.run(body.len(), move || wire::decode_events(body, EVENTS_BINDING)).await
}

/// Brings gold one bounded run further. No input: the tables say what there is to do.
async fn sessionize(app: App, _: Bytes) -> Result<gold::sessionize::Report, Arc<LakeError>> {
    app.gold.sessionize().await
}

/// Recomputes the session dates touched since it last ran and replaces what differs. `clickstream rebuild` does the same
/// for any range.
async fn rebuild(app: App, _: Bytes) -> Result<gold::rebuild::Report, Arc<LakeError>> {
    app.gold.rebuild(Scope::TouchedSinceLast).await
}

/// Whether the process works and the lake can be reached. Anybody may ask, so the answer does not say what the lake is or
/// why it is away: the log does.
async fn health(State(slot): State<AppSlot>) -> Response {
    let reached = tokio::time::timeout(LAKE_TIMEOUT, async { slot.wait().await.lake.reach().await }).await;
    let (status, lake) = match reached {
        Ok(Ok(())) => (StatusCode::OK, "reachable"),
        Ok(Err(error)) => {
            tracing::warn!(function = "health", reason = with_causes(&error), "the lake cannot be reached");
            (StatusCode::SERVICE_UNAVAILABLE, "unreachable")
        }
        Err(_) => {
            tracing::warn!(function = "health", reason = "no answer in time", "the lake cannot be reached");
            (StatusCode::SERVICE_UNAVAILABLE, "no answer in time")
        }
    };
    let report = serde_json::json!({
        "status": if status.is_success() { "healthy" } else { "unhealthy" },
        "lake": lake,
        "version": env!("CARGO_PKG_VERSION"),
    });
    // The invocation succeeds either way: what the caller of the API gets is in the answer.
    json(StatusCode::OK, wire::http_response(status.as_u16(), &report.to_string(), "application/json"))
}
