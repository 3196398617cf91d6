//! From an outcome to what the host gets, and the only place that picks a status code.
//!
//! Every outcome is logged once, here: a success with its report, a failure with its reason and its [`Kind`].

use super::NAMES;
use crate::app::App;
use crate::error::{Consequence, Kind, with_causes};
use crate::wire;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SetOnce;

/// Largest body that is read: room for a batch of 100 MB after the host has encoded it.
const MAX_BODY_BYTES: usize = 512 << 20;

/// No answer takes longer than this; well below the host's `functionTimeout`, at which it would kill the process and
/// every other invocation in it.
const DEADLINE: Duration = Duration::from_secs(240);

/// The app, once it is created. The port answers earlier.
pub type AppSlot = Arc<SetOnce<App>>;

/// Why an invocation failed, in one line.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    pub status: StatusCode,
    pub reason: String,
}

impl Failure {
    pub fn of(error: &dyn Consequence) -> Self {
        Failure { kind: error.kind(), status: status(error.kind()), reason: with_causes(error) }
    }
}

/// The host treats every status but a 2xx alike. The status helps whoever reads the log.
fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Retry => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Operator => StatusCode::CONFLICT,
        Kind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Reads the body, waits for the app, runs `work` within the deadline, and answers.
pub(super) async fn answer<R, E, F>(
    function: &'static str,
    State(slot): State<AppSlot>,
    request: Request,
    work: impl FnOnce(App, Bytes) -> F,
) -> Response
where
    R: Serialize,
    E: Consequence,
    F: Future<Output = Result<R, E>>,
{
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(failure) => return failed(function, failure),
    };
    let run = async { work(slot.wait().await.clone(), body).await.map_err(|error| Failure::of(&error)) };
    let report = match tokio::time::timeout(DEADLINE, run).await.unwrap_or_else(|_| Err(past_the_deadline())) {
        Ok(report) => serde_json::to_string(&NamedReport { function, report }),
        Err(failure) => return failed(function, failure),
    };
    match report {
        Ok(report) => {
            tracing::info!(function, report, "done");
            json(StatusCode::OK, wire::success(&[report]))
        }
        Err(error) => {
            let reason = format!("cannot write the report: {}", with_causes(&error));
            failed(function, Failure { kind: Kind::Bug, status: status(Kind::Bug), reason })
        }
    }
}

#[derive(Serialize)]
struct NamedReport<R> {
    function: &'static str,
    #[serde(flatten)]
    report: R,
}

async fn read(body: Body) -> Result<Bytes, Failure> {
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let reason = format!("cannot read the request body of at most {MAX_BODY_BYTES} bytes: {}", with_causes(&error));
        Failure { kind: Kind::Operator, status: StatusCode::PAYLOAD_TOO_LARGE, reason }
    })
}

fn past_the_deadline() -> Failure {
    let reason = format!("cannot finish within {} s; the work may still complete", DEADLINE.as_secs());
    Failure { kind: Kind::Retry, status: StatusCode::GATEWAY_TIMEOUT, reason }
}

pub(super) fn no_such_function(path: &str) -> Response {
    let reason = format!("cannot find function `{path}`, there are {}", NAMES.join(", "));
    failed("unknown", Failure { kind: Kind::Operator, status: StatusCode::NOT_FOUND, reason })
}

fn failed(function: &str, failure: Failure) -> Response {
    let Failure { kind, status, reason } = failure;
    tracing::error!(function, kind = kind.as_str(), reason, status = status.as_u16(), "invocation failed");
    json(status, serde_json::json!({"error": reason}).to_string())
}

pub(super) fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
