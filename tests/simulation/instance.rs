//! A simulated handler process: the production code with its own router, with its own memory and its own connection to the
//! store.

use super::chance::Chance;
use super::life::Life;
use super::store::{Connection, FaultInjector};
use super::tables;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use bytes::Bytes;
use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config;
use clickstream::functions::{self, answer::AppSlot};
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

#[derive(Clone)]
pub struct Instance {
    pub life: Arc<Life>,
    pub app: App,
    router: Router,
}

/// How an invocation ended, as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It succeeded and reported the rows that it added to bronze.
    Done {
        bronze_rows: u64,
    },
    Failed {
        status: u16,
    },
    /// The process died before it answered.
    Gone,
}

impl Instance {
    pub fn start(
        faults: &Arc<FaultInjector>,
        name: String,
        settings: &BTreeMap<String, String>,
        clock: &Clock,
    ) -> Self {
        let life = Arc::new(Life::new(name));
        let connection = Connection { faults: faults.clone(), life: life.clone() };
        let names = Chance::seeded(faults.chance.up_to(u64::MAX - 1));
        let url = "memory:///lake".parse().expect("a URL");
        let lake = Lake::on(Arc::new(connection), url).with_random(names);
        let settings = config::app(settings, "memory:///lake").unwrap_or_else(|invalid| panic!("{invalid}"));
        let app = App::on(lake, settings, clock.clone(), Workers::InPlace);
        let slot = AppSlot::default();
        slot.set(app.clone()).unwrap_or_else(|_| panic!("the slot is set once, here"));
        Instance { life, app, router: functions::router(slot) }
    }

    /// Posts one invocation, as the host does.
    pub async fn call(&self, function: &str, body: Bytes) -> Answer {
        let request = Request::post(format!("/{function}")).body(Body::from(body)).expect("a request");
        let answered = async {
            let answer = self.router.clone().oneshot(request).await.expect("a router always answers");
            let status = answer.status().as_u16();
            let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body in memory");
            if status == 200 { Answer::Done { bronze_rows: bronze_rows(&body) } } else { Answer::Failed { status } }
        };
        tokio::select! {
            biased;
            () = self.life.end_of() => Answer::Gone,
            answer = answered => answer,
        }
    }

    /// Writes the checkpoint of a random recent version of a random table, as the commit of that version might have.
    pub async fn checkpoint_some_table(&self, faults: &FaultInjector) {
        let specs = tables::all();
        let spec = specs[faults.chance.up_to(specs.len() as u64 - 1) as usize].clone();
        let folder = Path::from(format!("lake/{}/_delta_log", spec.name));
        let is_commit = |meta: &ObjectMeta| meta.location.as_ref().ends_with(".json");
        let found: Vec<ObjectMeta> = faults.inner.list(Some(&folder)).try_collect().await.expect("memory answers");
        let head = found.iter().filter(|meta| is_commit(meta)).count() as i64 - 1;
        let version = head - faults.chance.up_to(4) as i64;
        if version < 1 || self.life.is_over() {
            return;
        }
        faults.trace.record(&self.life.name, format_args!("checkpoint {} of {}", version, spec.name));
        let table = Table::at(&self.app.lake, spec, &Workers::InPlace);
        Workers::InPlace.spawn(async move {
            // A failed checkpoint does no harm: the next one replaces it.
            let _ = table.checkpoint(version).await;
        });
    }
}

/// Reads the number from the report, which the answer carries as a line of text.
fn bronze_rows(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    let report = answer["Logs"][0].as_str().and_then(|line| serde_json::from_str::<Value>(line).ok());
    report.and_then(|report| report["bronze_rows"].as_u64()).unwrap_or(0)
}
