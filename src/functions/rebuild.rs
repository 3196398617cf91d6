//! `rebuild`: recomputes the session dates touched since it last ran and replaces what differs. The on-demand form for
//! any range is `clickstream rebuild`.

use super::{Failure, Slot, answer};
use crate::gold::rebuild::Scope;
use axum::extract::{Request, State};
use axum::response::Response;

pub(super) async fn handle(State(slot): Slot, request: Request) -> Response {
    answer("rebuild", slot, request, async |app, _| {
        app.gold.rebuild(Scope::TouchedSinceLast).await.map_err(|error| Failure::because(error.as_ref()))
    })
    .await
}
