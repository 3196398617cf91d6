//! A handler process: the code that ships behind its own router, with its own memory and its own connection.

use super::chance::Chance;
use super::life::Life;
use super::store::{Connection, Weather};
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

/// What the host gets to see of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With the rows that it says it added to bronze.
    Done {
        bronze_rows: u64,
    },
    Failed {
        status: u16,
    },
    /// The connection broke: the process is gone.
    Gone,
}

impl Instance {
    pub fn start(weather: &Arc<Weather>, name: String, settings: &BTreeMap<String, String>, clock: &Clock) -> Self {
        let life = Arc::new(Life::new(name));
        let connection = Connection { weather: weather.clone(), life: life.clone() };
        let names = Chance::seeded(weather.chance.up_to(u64::MAX - 1));
        let url = "memory:///lake".parse().expect("a URL");
        let lake = Lake::on(Arc::new(connection), url).with_random(names);
        let settings = config::app(settings, "memory:///lake").unwrap_or_else(|invalid| panic!("{invalid}"));
        let app = App::on(lake, settings, clock.clone(), Workers::InPlace);
        let slot = AppSlot::default();
        slot.set(app.clone()).unwrap_or_else(|_| panic!("the slot is set once, here"));
        Instance { life, app, router: functions::router(slot) }
    }

    /// One invocation, as the host posts it.
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

    /// Writes the checkpoint of some version of some table, as the commit of that version may have started it.
    pub async fn checkpoint_some_table(&self, weather: &Weather) {
        let specs = tables::all();
        let spec = specs[weather.chance.up_to(specs.len() as u64 - 1) as usize].clone();
        let folder = Path::from(format!("lake/{}/_delta_log", spec.name));
        let is_commit = |meta: &ObjectMeta| meta.location.as_ref().ends_with(".json");
        let found: Vec<ObjectMeta> = weather.inner.list(Some(&folder)).try_collect().await.expect("memory answers");
        let head = found.iter().filter(|meta| is_commit(meta)).count() as i64 - 1;
        let version = head - weather.chance.up_to(4) as i64;
        if version < 1 || self.life.is_over() {
            return;
        }
        weather.story.tell(&self.life.name, format_args!("checkpoint {} of {}", version, spec.name));
        let table = Table::at(&self.app.lake, spec, &Workers::InPlace);
        Workers::InPlace.spawn(async move {
            // It may fail; the next one makes up for it.
            let _ = table.checkpoint(version).await;
        });
    }
}

/// The answer holds the report as a line of text.
fn bronze_rows(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).expect("the host would not take it");
    let report = answer["Logs"][0].as_str().and_then(|line| serde_json::from_str::<Value>(line).ok());
    report.and_then(|report| report["bronze_rows"].as_u64()).unwrap_or(0)
}
