//! `sessionize`: brings gold one bounded slice further. No input: the tables say what there is to do.

use super::{Failure, Slot, answer};
use axum::extract::{Request, State};
use axum::response::Response;

pub(super) async fn handle(State(slot): Slot, request: Request) -> Response {
    answer("sessionize", slot, request, async |app, _| {
        app.gold.sessionize().await.map_err(|error| Failure::because(error.as_ref()))
    })
    .await
}
