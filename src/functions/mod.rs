//! The functions: one thin handler each, and the only place that picks a status code.
//!
//! The host's rules, in short: success is a 2xx with a JSON object, never an empty body; anything else is a failure that
//! the retry policy repeats, and its body is thrown away, so the reason goes to standard output.

pub mod health;
pub mod ingest;
pub mod rebuild;
pub mod sessionize;

use crate::app::App;
use crate::error::with_causes;
use crate::wire;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SetOnce;

/// Largest body that is read: batches of 100 MB, encoded by the host.
const MAX_BODY_BYTES: usize = 512 << 20;

/// Longer than this no invocation works; well below the host's `functionTimeout`, at which it would kill the process
/// and every other invocation in it.
const DEADLINE: Duration = Duration::from_secs(240);

/// The functions' shared part once it is made. The port answers before.
pub type AppSlot = Arc<SetOnce<App>>;

/// Names of the functions, as their folders are called.
pub const NAMES: [&str; 4] = ["ingest", "sessionize", "rebuild", "health"];

/// Why an invocation failed, in one line.
#[derive(Debug)]
pub struct Failure {
    pub status: StatusCode,
    pub reason: String,
}

impl Failure {
    pub fn because(error: &dyn std::error::Error) -> Self {
        Failure { status: StatusCode::SERVICE_UNAVAILABLE, reason: with_causes(error) }
    }
}

pub fn router(slot: AppSlot) -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/ingest", post(ingest::handle))
        .route("/sessionize", post(sessionize::handle))
        .route("/rebuild", post(rebuild::handle))
        .route("/health", post(health::handle))
        .fallback(async |request: Request| {
            let reason = format!("no function `{}`, there are {}", request.uri().path(), NAMES.join(", "));
            failed("unknown", Failure { status: StatusCode::NOT_FOUND, reason })
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(slot)
}

/// Reads the body, waits for the app, runs `work` within the deadline, and answers. What `work` reports is logged once,
/// here.
async fn answer<R, F>(
    function: &'static str,
    slot: AppSlot,
    request: Request,
    work: impl FnOnce(App, Bytes) -> F,
) -> Response
where
    R: Serialize,
    F: Future<Output = Result<R, Failure>>,
{
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(failure) => return failed(function, failure),
    };
    let run = async { work(slot.wait().await.clone(), body).await };
    let outcome = tokio::time::timeout(DEADLINE, run).await.unwrap_or_else(|_| {
        let reason = format!("gave up after {} s; the work may still complete", DEADLINE.as_secs());
        Err(Failure { status: StatusCode::GATEWAY_TIMEOUT, reason })
    });
    match outcome.map(|report| serde_json::to_string(&Named { function, report })) {
        Ok(Ok(report)) => {
            tracing::info!(function, report, "done");
            json(StatusCode::OK, wire::success(&[report]))
        }
        Ok(Err(error)) => failed(function, Failure::because(&error)),
        Err(failure) => failed(function, failure),
    }
}

#[derive(Serialize)]
struct Named<R> {
    function: &'static str,
    #[serde(flatten)]
    report: R,
}

async fn read(body: Body) -> Result<Bytes, Failure> {
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let reason = format!("cannot read the request body of at most {MAX_BODY_BYTES} bytes: {}", with_causes(&error));
        Failure { status: StatusCode::PAYLOAD_TOO_LARGE, reason }
    })
}

fn failed(function: &str, failure: Failure) -> Response {
    tracing::error!(function, reason = failure.reason, status = failure.status.as_u16(), "invocation failed");
    json(failure.status, serde_json::json!({"error": failure.reason}).to_string())
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The state that handlers get.
type Slot = State<AppSlot>;
