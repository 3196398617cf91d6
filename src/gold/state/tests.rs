//! What is written is read again, and bytes that were not written are an error.

use super::{StateError, read, write};
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::gold::session::Session;
use crate::gold::session_event::{Attribute, Attributes, Content, Product, SessionEvent};

const NOON: i64 = 1_767_614_400_000_000;

fn event(key: i64, at: i64, content: Content<'static>) -> SessionEvent<'static> {
    SessionEvent { key: EventKey(key), at: Timestamp(at), content }
}

fn page(url: &'static str) -> Content<'static> {
    Content { page_url: Some(url), event_type: "page_view", ..Content::default() }
}

fn everything() -> Content<'static> {
    let mut attributes = Attributes::default();
    Attribute::ALL.into_iter().for_each(|attribute| attributes.0[attribute as usize] = Some(attribute.column()));
    let product = Product {
        id: Some("p1"),
        name: Some("Lamp"),
        brand: Some("Lux"),
        category: Some("light"),
        price: Some(Money(-15_000)),
        quantity: Some(3),
    };
    Content {
        page_url: Some("/thanks"),
        event_type: "purchase",
        value: Some(Money::MAX),
        currency: Some("EUR"),
        transaction_id: Some("t1"),
        is_anonymous: true,
        event_names: ["a", "b"].into(),
        event_brands: ["c"].into(),
        event_categories: ["light"].into(),
        attributes,
        is_bot: true,
        products: [product, Product { id: Some("p2"), ..Product::default() }].into(),
    }
}

fn sessions() -> Vec<Session<'static>> {
    let few = vec![event(-9, NOON, page("/a")), event(4, NOON + 1_500, everything()), event(8, NOON - 7, page("/a"))];
    // More texts than are looked for one by one.
    let pages = [
        "/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11", "/12", "/13", "/14", "/15", "/16",
        "/17",
    ];
    let many: Vec<_> =
        (0..200).map(|key| event(key, NOON + key * 1_000_000, page(pages[key as usize % pages.len()]))).collect();
    let extreme = vec![event(i64::MIN, i64::MIN, Content::default()), event(i64::MAX, i64::MAX, everything())];
    let mut with_rest = Session::of(many.clone(), 5);
    with_rest.unite(Session::of(few.clone(), 5), 5);
    vec![Session::of(few, 10), Session::of(many, 1_000), Session::of(extreme, 10), with_rest]
}

#[test]
fn a_session_reads_as_it_was_written() {
    for session in sessions() {
        let bytes = write(&session);
        assert_eq!(read(&bytes).as_ref(), Ok(&session));
    }
}

#[test]
fn a_page_view_takes_few_bytes() {
    let of = |events: i64| {
        write(&Session::of((0..events).map(|key| event(key, NOON + key * 1_000, page("/a"))).collect(), 100)).len()
    };
    assert_eq!(of(3) - of(2), 13, "eight bytes of key, and one for each of time, profile, type, fields and page");
}

#[test]
fn whatever_is_cut_off_or_added_is_an_error() {
    for session in sessions() {
        let bytes = write(&session);
        (0..bytes.len().min(500)).for_each(|length| assert!(read(&bytes[..length]).is_err(), "{length} bytes"));
        assert_eq!(read(&[bytes, vec![0]].concat()), Err(StateError::Long));
    }
}

#[test]
fn a_later_version_is_refused_by_its_number() {
    assert_eq!(read(&[2, 0]), Err(StateError::Version(2)));
    let message = read(&[2, 0]).map_err(|error| error.to_string());
    assert!(message.is_err_and(|message| message.contains("version 2")));
}

/// Mutation starts from them, so they have to be read.
#[test]
fn the_corpus_of_the_fuzzer_is_read() {
    for (name, bytes) in [
        ("empty", &include_bytes!("../../../tests/fuzz/corpus/state/empty")[..]),
        ("two-events", include_bytes!("../../../tests/fuzz/corpus/state/two-events")),
        ("with-a-rest", include_bytes!("../../../tests/fuzz/corpus/state/with-a-rest")),
    ] {
        let session = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read(&write(&session)).as_ref(), Ok(&session), "{name}");
    }
}
