//! Targets that a sender reaches: the host's envelope, the body of an event, its times and addresses.

use super::{Shape, Target};
use bytes::Bytes;
use clickstream::event::click::{Click, EventType};
use clickstream::event::parse::{ParseSettings, parse};
use clickstream::event::reject::Reject;
use clickstream::event::time::Timestamp;
use clickstream::event::url::{Location, path_segments};
use clickstream::wire::{EnvelopeError, decode_events};
use std::sync::LazyLock;

pub const TARGETS: [Target; 4] = [
    Target { name: "envelope", run: envelope, shape: Shape::Json, max_bytes: 64 << 10, share: 100 },
    Target { name: "event", run: event, shape: Shape::Json, max_bytes: 64 << 10, share: 150 },
    Target { name: "time", run: time, shape: Shape::Text, max_bytes: 4 << 10, share: 375 },
    Target { name: "url", run: url, shape: Shape::Text, max_bytes: 16 << 10, share: 375 },
];

/// The most that [`decode_events`] accepts in one invocation.
const MAX_EVENTS: usize = 100_000;
/// When the event hub received the events of the corpus.
pub const ENQUEUED_AT: Timestamp = Timestamp(1_768_478_400_000_000);

static SETTINGS: LazyLock<ParseSettings> =
    LazyLock::new(|| ParseSettings { site_domain: Some("shop.example".into()), ..ParseSettings::default() });

/// A batch is in order, knows its source, and has no more bytes than the input.
pub fn envelope(input: &[u8]) {
    match decode_events(Bytes::copy_from_slice(input), "events") {
        Ok(batch) => {
            assert!(batch.events.len() <= MAX_EVENTS, "{} events", batch.events.len());
            let grows = batch.events.windows(2).all(|pair| pair[0].sequence_number < pair[1].sequence_number);
            assert!(grows, "sequence numbers grow within a batch");
            let source = &batch.source;
            for part in [source.namespace(), source.event_hub(), source.consumer_group(), source.partition_id()] {
                assert!(!part.is_empty(), "a source is known completely: {source:?}");
            }
            let bytes: usize = batch.events.iter().map(|event| event.body.len() + event.offset.len()).sum();
            assert!(bytes <= input.len(), "{bytes} bytes from {}", input.len());
            assert!(batch.events.iter().all(|event| is_within_years(event.enqueued_at)), "an instant within the years");
        }
        Err(error) => check_error(&error, input.len()),
    }
}

/// The length of an error is bounded by the length of the input.
fn check_error(error: &EnvelopeError, input_bytes: usize) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() <= 2 * input_bytes + 512, "an error of {} bytes", text.len());
}

/// A click or a reject, the same one each time, within the limits.
pub fn event(input: &[u8]) {
    let parsed = parse(input, ENQUEUED_AT, &SETTINGS);
    assert_eq!(parsed, parse(input, ENQUEUED_AT, &SETTINGS), "the same bytes give the same event");
    match parsed {
        Ok(click) => check_click(&click, input.len()),
        Err(Reject { reason, detail }) => {
            assert!(!detail.is_empty() && detail.chars().count() <= Reject::MAX_DETAIL_CHARS, "{reason}: {detail}");
        }
    }
}

fn check_click(click: &Click, input_bytes: usize) {
    let limits = &SETTINGS.limits;
    for id in [click.user_id.as_str(), click.session_id.as_str()] {
        assert!(!id.is_empty() && id.len() <= limits.max_id_bytes, "an id of {} bytes", id.len());
    }
    assert!(is_within_years(click.event_time) && click.event_time >= Timestamp::EARLIEST_EVENT);
    assert!(click.event_time <= ENQUEUED_AT + SETTINGS.future_tolerance, "not from the future");
    assert!(click.products.len() <= limits.max_list_length, "{} products", click.products.len());
    for domain in click.page_domain.iter().chain(&click.referral_domain) {
        assert!(!domain.is_empty(), "a domain is never empty");
    }
    let is_refund = click.event_type == EventType::Refund;
    assert!(!is_refund || click.event_value.is_none_or(|value| !value.is_negative()), "a refund has no sign");
    let quantities = click.products.iter().filter_map(|product| product.quantity);
    assert!(quantities.into_iter().all(|quantity| (1..=1_000_000).contains(&quantity)), "pieces are counted from 1");
    // Punycode is shorter than the letters it stands for, and what follows the first product is left out.
    let (bytes, max) = (click.text_bytes_in_rows(), limits.max_rows_bytes.max(4 * input_bytes + 1_024));
    assert!(bytes <= max, "{bytes} bytes of rows from {input_bytes}");
}

/// What is read and written is read as the same instant again.
pub fn time(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for at in [Timestamp::parse(&text), Timestamp::parse_epoch(&text)].into_iter().flatten() {
        assert!(is_within_years(at), "`{text}` is {}", at.0);
        let written = at.to_string();
        assert_eq!(Timestamp::parse(&written), Ok(at), "`{text}` is written `{written}`");
        // The same instant in the form that is read by the cursor.
        assert_eq!(Timestamp::parse(&written.replace('T', " ").replace('Z', "+00:00")), Ok(at), "`{written}`");
        let millis = at.millis();
        assert!((millis * 1_000..millis * 1_000 + 1_000).contains(&at.0), "`{written}` is {millis} ms");
        assert_eq!(at.date().to_string(), written[..10], "the date of `{written}`");
    }
}

/// Reading the result again changes nothing; credentials are removed.
pub fn url(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let page = Location::of_page(&text, Some("shop.example"));
    let referrer = Location::of_referrer(&text);
    assert_eq!(page.text, referrer.text, "`{text}` is one text");
    assert!(page.text.len() <= 8 * text.len() + 64, "{} bytes from {}", page.text.len(), text.len());
    for domain in page.domain.iter().chain(&referrer.domain) {
        assert!(!domain.is_empty() && !domain.contains(['@', '/']), "`{text}` has the domain `{domain}`");
        assert!(domain.starts_with('[') || !domain.contains(':'), "`{text}` has the domain `{domain}`");
    }
    assert_eq!(Location::of_page(&page.text, Some("shop.example")), page, "`{text}` read again");
    assert!(path_segments(&page.text).all(|segment| !segment.is_empty()), "the path of `{text}`");
}

fn is_within_years(at: Timestamp) -> bool {
    (Timestamp::EARLIEST..=Timestamp::LATEST).contains(&at)
}
