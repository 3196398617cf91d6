//! Gold is the naive fold of all events, in whatever order they arrive, however they are batched and repeated, and
//! whenever sessionize runs.

use crate::support::envelope::Sent;
use crate::support::naive::{self, Event};
use crate::support::render;
use crate::support::world::{NOON, World};
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000;

/// Events of few session keys within two days, so that sessions grow, are bridged and cross midnight.
fn an_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => Just("page_view"),
        1 => Just("add_to_cart"),
        2 => Just("purchase"),
        1 => Just("search"),
        1 => Just("wishlist"),
    ];
    let price = prop::option::of(1..1_000_000i64);
    let transaction = prop::option::of(prop_oneof![Just("t1"), Just("t2")]);
    let url = prop::option::of(prop_oneof![Just("/"), Just("/cart"), Just("/z")]);
    (0..3u8, 0..2u8, 0..2_880i64, kind, url, price, transaction, 0..3usize).prop_map(
        |(user, session, minute, kind, url, price, transaction, products)| Event {
            user: format!("u{user}"),
            session: format!("s{session}"),
            at_micros: NOON.0 - 2_880 * MINUTE + minute * MINUTE,
            kind: kind.to_owned(),
            url: url.map(str::to_owned),
            // The same value for each transaction. Which of several values counts is tested in
            // `scripts/transactions.txt`.
            price: if transaction.is_some() { Some(990_000) } else { price },
            transaction: transaction.map(str::to_owned),
            products: (0..products).map(|at| format!("P{at}")).collect(),
            identity: String::new(),
        },
    )
}

/// Numbered, so that two events that look alike are still two events.
fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(an_event(), 1..60).prop_map(|mut events| {
        for (number, event) in events.iter_mut().enumerate() {
            event.identity = format!("e{number}");
        }
        events
    })
}

/// What happens to the events on their way.
#[derive(Debug, Clone)]
struct Journey {
    /// Indices of events; some of them twice.
    order: Vec<usize>,
    partitions: usize,
    batch: usize,
    /// How many batches there are between two runs of sessionize. The process restarts after each run.
    sessionize_every: usize,
    /// How many events of the previous batch each batch repeats.
    redelivered: usize,
}

fn journey(events: usize) -> impl Strategy<Value = Journey> {
    let order = Just((0..events).collect::<Vec<_>>()).prop_shuffle();
    let twice = prop::collection::vec(0..events, 0..10);
    (order, twice, 1..4usize, 1..20usize, 1..5usize, 0..4usize).prop_map(
        |(mut order, twice, partitions, batch, sessionize_every, redelivered)| {
            order.extend(twice);
            Journey { order, partitions, batch, sessionize_every, redelivered }
        },
    )
}

async fn travel(events: &[Event], journey: &Journey, settings: &[(&str, &str)]) -> World {
    let mut world = World::with(settings);
    let mut partitions: Vec<Vec<Sent>> = vec![Vec::new(); journey.partitions];
    for (at, &index) in journey.order.iter().enumerate() {
        let partition = &mut partitions[at % journey.partitions];
        let sequence_number = partition.len() as i64;
        partition.push(Sent { sequence_number, enqueued_at: NOON, body: events[index].body() });
    }
    let mut batches = 0;
    for (id, partition) in partitions.iter().enumerate() {
        for start in (0..partition.len()).step_by(journey.batch) {
            let from = start.saturating_sub(journey.redelivered);
            let to = (start + journey.batch).min(partition.len());
            world.ingest(&id.to_string(), &partition[from..to]).await.expect("the batch is taken");
            batches += 1;
            if batches % journey.sessionize_every == 0 {
                world.app.gold.sessionize().await.expect("sessionize works");
                world.restart();
            }
        }
    }
    world.sessionize().await;
    world
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn gold_is_the_naive_fold(
        (events, journey) in events().prop_flat_map(|events| {
            let journey = journey(events.len());
            (Just(events), journey)
        }),
    ) {
        block_on(async {
            let world = travel(&events, &journey, &[]).await;
            let mut gold: Vec<_> =
                render::rows(&world.app.gold.table).await.iter().map(naive::of_row).collect();
            gold.sort_by_key(|session| session.to_string());
            prop_assert_eq!(gold, naive::fold(&events));
            let report = clickstream::audit::audit(&world.app).await.expect("the audit can look");
            prop_assert!(report.holds, "{:?}", report.findings);
            Ok(())
        })?;
    }

    /// The size of the micro-batches does not change the result.
    #[test]
    fn micro_batches_of_one_event_give_the_same_gold(
        (events, journey) in events().prop_flat_map(|events| {
            let journey = journey(events.len());
            (Just(events), journey)
        }),
    ) {
        block_on(async {
            let whole = travel(&events, &journey, &[]).await;
            let in_steps = travel(&events, &journey, &[("SESSIONIZE_MAX_EVENTS", "1")]).await;
            let (whole, in_steps) = (&whole.app.gold.table, &in_steps.app.gold.table);
            prop_assert_eq!(render::sessions(whole).await, render::sessions(in_steps).await);
            Ok(())
        })?;
    }

    #[test]
    fn the_watermark_never_moves_back(
        (events, journey) in events().prop_flat_map(|events| {
            let journey = journey(events.len());
            (Just(events), journey)
        }),
    ) {
        block_on(async {
            let world = travel(&events, &journey, &[("SESSIONIZE_MAX_EVENTS", "1")]).await;
            let mut runs = render::rows(&world.app.gold.control.table).await;
            runs.sort_by_key(|run| run["silver_version"].as_i64());
            let watermarks: Vec<_> = runs.iter().map(|run| run["watermark"].as_str().map(str::to_owned)).collect();
            prop_assert!(watermarks.is_sorted(), "{watermarks:?}");
            Ok(())
        })?;
    }
}
