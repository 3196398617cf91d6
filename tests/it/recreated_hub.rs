//! A hub that was deleted and made anew under its name: refused as a whole, until somebody says that it is another one.

use crate::support::envelope::Sent;
use crate::support::render;
use crate::support::world::{NOON, World};
use axum::http::StatusCode;
use clickstream::columns::TableSpec;
use clickstream::lake::table::Table;
use clickstream::{bronze, silver};

const HOUR: i64 = 3_600_000_000;

/// Ten events from number 0 on, of which the `malformed`th is none.
fn events(enqueued_hours: i64, malformed: i64) -> Vec<Sent> {
    let enqueued_at = NOON.plus_micros(enqueued_hours * HOUR);
    let body = |number: i64| match number == malformed {
        true => "{".to_owned(),
        false => format!(
            r#"{{"user_id":"u","session_id":"s","event_type":"page_view","timestamp":"{NOON}","event_id":"{enqueued_hours}-{number}"}}"#
        ),
    };
    (0..10).map(|number| Sent { sequence_number: number, enqueued_at, body: body(number).into_bytes() }).collect()
}

/// Rows in bronze, silver and quarantine.
async fn rows(world: &World) -> [usize; 3] {
    let specs: [TableSpec; 3] = [bronze::schema::table(), silver::schema::table(), silver::quarantine::table()];
    let mut counts = [0; 3];
    for (count, spec) in counts.iter_mut().zip(specs) {
        *count = render::rows(&Table::at(&world.app.lake, spec, &world.app.workers)).await.len();
    }
    counts
}

/// Quarantine has few events and so a low number: it must not take what bronze refuses, whoever delivers it.
#[tokio::test]
async fn no_table_takes_events_of_a_hub_that_numbers_anew() {
    let mut world = World::new();
    world.ingest("0", &events(0, 2)).await.expect("the batch is taken");
    assert_eq!(rows(&world).await, [10, 9, 1]);
    for process in ["that knows the partition", "that knows nothing"] {
        let refused = world.ingest("0", &events(1, 7)).await.expect_err("refused");
        assert_eq!(refused.status, StatusCode::CONFLICT, "a process {process}: {}", refused.reason);
        assert_eq!(rows(&world).await, [10, 9, 1], "a process {process}");
        world.restart();
    }
}
