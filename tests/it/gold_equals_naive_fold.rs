//! Gold is the naive fold of all events, in whatever order they arrive, however they are batched and repeated, whichever
//! content of an event comes first, whoever rewrites the files meanwhile, and whenever sessionize runs.

use crate::support::envelope::Sent;
use crate::support::naive::{self, Content, Event, MAX_SESSION_EVENTS};
use crate::support::render;
use crate::support::rewrite::{self, Layout, Order, Types};
use crate::support::world::{NOON, World};
use clickstream::event::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MINUTE: i64 = 60_000_000;

/// Numbers from which an event or its variant is drawn.
fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 80)
}

fn draw(numbers: Vec<u32>) -> impl FnMut(u64) -> u64 {
    let mut numbers = numbers.into_iter();
    move |max| u64::from(numbers.next().unwrap_or(0)) % (max + 1)
}

/// Whether an event may have several contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variants {
    None,
    Some,
}

/// Events of few session keys within two days, so that sessions grow, are bridged and cross midnight. Numbered, so that two
/// events that look alike are still two events; but some are variants of an event before them, with its id.
fn events(variants: Variants) -> impl Strategy<Value = Vec<Event>> {
    let one = (0..2_880i64, numbers(), prop::option::weighted(0.3, any::<Index>()));
    prop::collection::vec(one, 1..50).prop_map(move |drawn| {
        let mut events: Vec<Event> = Vec::new();
        for (number, (minute, numbers, variant_of)) in drawn.into_iter().enumerate() {
            let draw = &mut draw(numbers);
            let event = match variant_of.filter(|_| variants == Variants::Some && !events.is_empty()) {
                Some(index) => index.get(&events).variant(draw),
                None => {
                    let identity = (draw(9) < 9).then(|| format!("e{number}"));
                    Event::drawn(draw, identity, NOON.0 - 2_880 * MINUTE + minute * MINUTE)
                }
            };
            events.push(event);
        }
        events
    })
}

/// A session of more events than its bound, at a pace that no pause interrupts, beside other sessions.
fn a_monster_and_others(variants: Variants) -> impl Strategy<Value = Vec<Event>> {
    events(variants).prop_map(|mut events| {
        for (number, event) in events.iter_mut().enumerate().filter(|(number, _)| number % 3 > 0) {
            let minutes = number as i64 % 25;
            (event.user, event.session, event.at_micros) =
                ("monster".to_owned(), "long".to_owned(), NOON.0 - 60 * MINUTE + minutes * MINUTE);
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
    /// How another engine lays out silver and gold, one element after another, before each run of sessionize.
    layouts: Vec<Option<(u64, usize, usize, bool)>>,
}

fn journey(events: usize) -> impl Strategy<Value = Journey> {
    let order = Just((0..events).collect::<Vec<_>>()).prop_shuffle();
    let twice = prop::collection::vec(0..events, 0..10);
    let layout = prop::option::weighted(0.4, (any::<u64>(), 1..4usize, 0..Types::ALL.len(), any::<bool>()));
    let layouts = prop::collection::vec(layout, 1..8);
    (order, twice, 1..4usize, 1..20usize, 1..5usize, 0..4usize, layouts).prop_map(
        |(mut order, twice, partitions, batch, sessionize_every, redelivered, layouts)| {
            order.extend(twice);
            Journey { order, partitions, batch, sessionize_every, redelivered, layouts }
        },
    )
}

fn with_a_journey(events: impl Strategy<Value = Vec<Event>>) -> impl Strategy<Value = (Vec<Event>, Journey)> {
    events.prop_flat_map(|events| {
        let journey = journey(events.len());
        (Just(events), journey)
    })
}

fn with_two_journeys(events: impl Strategy<Value = Vec<Event>>) -> impl Strategy<Value = (Vec<Event>, [Journey; 2])> {
    events.prop_flat_map(|events| {
        let journeys = [journey(events.len()), journey(events.len())];
        (Just(events), journeys)
    })
}

async fn travel(events: &[Event], journey: &Journey, settings: &[(&str, &str)]) -> World {
    let mut world = World::with(settings);
    let mut partitions: Vec<Vec<Sent>> = vec![Vec::new(); journey.partitions];
    for (at, &index) in journey.order.iter().enumerate() {
        let partition = &mut partitions[at % journey.partitions];
        let sequence_number = partition.len() as i64;
        partition.push(Sent { sequence_number, enqueued_at: NOON, body: events[index].body() });
    }
    let (mut batches, mut layouts) = (0, journey.layouts.iter().cycle());
    for (id, partition) in partitions.iter().enumerate() {
        for start in (0..partition.len()).step_by(journey.batch) {
            let from = start.saturating_sub(journey.redelivered);
            let to = (start + journey.batch).min(partition.len());
            world.ingest(&id.to_string(), &partition[from..to]).await.expect("the batch is taken");
            batches += 1;
            if batches % journey.sessionize_every == 0 {
                let tables = ["silver", "sessions"].map(|table| (table, layouts.next().copied().flatten()));
                for (table, layout) in tables {
                    lay_out(&world, table, layout).await;
                }
                world.app.gold.sessionize().await.expect("sessionize works");
                world.restart();
            }
        }
    }
    world.sessionize().await;
    world
}

async fn lay_out(world: &World, table: &str, layout: Option<(u64, usize, usize, bool)>) {
    if let Some((seed, files, types, data_change)) = layout {
        let layout = Layout { order: Order::Shuffled(seed), files, types: Types::ALL[types], data_change };
        rewrite::lay_out(&world.table(table), &layout).await;
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn sessions(world: &World) -> Vec<Value> {
    naive::sorted(world.rows("sessions").await.iter().map(naive::of_row).collect())
}

fn contents(events: &[Event]) -> Vec<Content> {
    events.iter().map(Event::content).collect()
}

/// Gold is the naive fold, before and after `rebuild`, which finds nothing to replace; and the audit agrees.
async fn assert_is_the_naive_fold(world: &World, events: &[Event], max_events: usize) -> Result<(), TestCaseError> {
    let naive = naive::fold(&contents(events), max_events);
    prop_assert_eq!(&sessions(world).await, &naive);
    prop_assert_eq!(world.rebuild().await, Vec::<String>::new());
    prop_assert_eq!(sessions(world).await, naive);
    let report = world.audit().await;
    prop_assert!(report.holds, "{:?}", report.findings);
    Ok(())
}

/// Both worlds have the same rows, whatever is in their columns.
async fn assert_same_rows(one: &World, other: &World) -> Result<(), TestCaseError> {
    let (one, other) = (&one.app.gold.table, &other.app.gold.table);
    prop_assert_eq!(render::sessions(one).await, render::sessions(other).await);
    Ok(())
}

const BOUND: usize = 5;
const BOUNDED: [(&str, &str); 1] = [("MAX_SESSION_EVENTS", "5")];

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn gold_is_the_naive_fold((events, journey) in with_a_journey(events(Variants::Some))) {
        block_on(async {
            let world = travel(&events, &journey, &[]).await;
            assert_is_the_naive_fold(&world, &events, MAX_SESSION_EVENTS).await
        })?;
    }

    /// Otherwise the naive fold would be one of other events.
    #[test]
    fn silver_has_the_contents_that_were_sent((events, journey) in with_a_journey(events(Variants::Some))) {
        block_on(async {
            let world = travel(&events, &journey, &[]).await;
            let stored: BTreeSet<String> =
                naive::contents_of(&world.rows("silver").await).iter().map(|content| format!("{content:?}")).collect();
            let sent: BTreeSet<String> = contents(&events).iter().map(|content| format!("{content:?}")).collect();
            prop_assert_eq!(stored, sent);
            Ok(())
        })?;
    }

    #[test]
    fn any_order_gives_the_same_rows((events, [one, other]) in with_two_journeys(events(Variants::Some))) {
        block_on(async {
            let (one, other) = (travel(&events, &one, &[]).await, travel(&events, &other, &[]).await);
            assert_same_rows(&one, &other).await
        })?;
    }

    /// Of a session beyond its bound each order of different events gives the same row, and a duplicate counts once.
    #[test]
    fn a_monster_does_not_depend_on_the_order(
        (events, [one, other]) in with_two_journeys(a_monster_and_others(Variants::None)),
    ) {
        block_on(async {
            let (one, other) = (travel(&events, &one, &BOUNDED).await, travel(&events, &other, &BOUNDED).await);
            assert_same_rows(&one, &other).await?;
            assert_is_the_naive_fold(&one, &events, BOUND).await
        })?;
    }

    /// Beyond the bound the first content of an event may count, but the event counts once.
    #[test]
    fn variants_in_a_monster_count_once((events, journey) in with_a_journey(a_monster_and_others(Variants::Some))) {
        block_on(async {
            let world = travel(&events, &journey, &BOUNDED).await;
            assert_is_the_naive_fold(&world, &events, BOUND).await
        })?;
    }

    /// The size of the micro-batches does not change the result.
    #[test]
    fn micro_batches_of_one_event_give_the_same_gold((events, journey) in with_a_journey(events(Variants::Some))) {
        block_on(async {
            let whole = travel(&events, &journey, &[]).await;
            let in_steps = travel(&events, &journey, &[("SESSIONIZE_MAX_EVENTS", "1")]).await;
            assert_same_rows(&whole, &in_steps).await
        })?;
    }

    #[test]
    fn the_watermark_never_moves_back((events, journey) in with_a_journey(events(Variants::Some))) {
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

/// A session of `count` page views with addresses of `bytes` digits, in batches of 3,000, delivered in this order and sent `times` times.
async fn a_long_session(order: impl Iterator<Item = i64> + Clone, bytes: usize, times: usize) -> World {
    let world = World::new();
    let mut sequence_number = 0;
    for _ in 0..times {
        let sent = order.clone().map(|number| {
            let event = crate::support::event::Event::page_view(Timestamp(NOON.0 - 3_600_000_000 + number * 1_000));
            let event = event.with("event_id", number).with("page_url", format!("/{number:0bytes$}"));
            sequence_number += 1;
            Sent { sequence_number, enqueued_at: NOON, body: event.body() }
        });
        for batch in sent.collect::<Vec<_>>().chunks(3_000) {
            world.ingest("0", batch).await.expect("the batch is taken");
            world.sessionize().await;
        }
    }
    world
}

/// With the default bound, and none of the events is new in the second half.
#[tokio::test(crate = "crate::support::limit")]
async fn a_session_of_10_050_events_that_are_sent_twice_has_10_050() {
    let world = a_long_session(0..10_050, 1, 2).await;
    let sessions = world.rows("sessions").await;
    assert_eq!(sessions.len(), 1);
    let columns =
        ["total_events", "page_view_count", "is_truncated", "duplicates_unchecked", "landing_page", "exit_page"];
    let expected = [json!(10_050), json!(10_050), json!(true), json!(false), json!("/0"), json!("/10049")];
    assert_eq!(columns.map(|column| sessions[0][column].clone()), expected);
    assert_eq!(world.rebuild().await, Vec::<String>::new());
    assert!(world.audit().await.holds);
}

/// 1,000 addresses of 4,000 bytes are more than a session keeps, whichever come first.
#[tokio::test(crate = "crate::support::limit")]
async fn a_session_is_bounded_by_its_bytes_in_any_order() {
    let forwards = a_long_session(0..1_000, 4_000, 1).await;
    let backwards = a_long_session((0..1_000).rev(), 4_000, 2).await;
    let sessions = forwards.rows("sessions").await;
    assert_eq!((&sessions[0]["total_events"], &sessions[0]["is_truncated"]), (&json!(1_000), &json!(true)));
    let kept = sessions[0]["unique_page_views"].as_i64().expect("a number");
    assert!((200..270).contains(&kept), "{kept} addresses are kept");
    assert_eq!(render::sessions(&forwards.app.gold.table).await, render::sessions(&backwards.app.gold.table).await);
    assert_eq!(forwards.rebuild().await, Vec::<String>::new());
    assert!(backwards.audit().await.holds);
}
