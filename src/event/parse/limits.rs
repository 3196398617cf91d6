//! What is too much, too long, too deep, too early or too late.
//!
//! Values only; whoever configures the process makes them.

/// Bounds of what parses. An event that exceeds one is rejected with the reason that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Of the body as received.
    pub max_body_bytes: usize,
    /// Objects and lists within each other, the event itself included.
    pub max_depth: usize,
    /// Of one text in UTF-8, without its quotes and with escapes resolved.
    pub max_text_bytes: usize,
    /// The same for what identifies something: user, session, event, transaction and order ids, and the event type.
    pub max_id_bytes: usize,
    /// Elements of one list.
    pub max_list_length: usize,
    /// Of text in the rows of one event that has several products. What belongs to the event stands on each of them, so
    /// without this bound a small body could become a thousand times as much.
    pub max_rows_bytes: usize,
    /// How far an event may lie behind the moment the event hub took it: clocks differ.
    pub future_tolerance_micros: i64,
    /// How far it may lie before; `None` for an archive, where any age is right.
    pub max_event_age_micros: Option<i64>,
    /// The host that relative page addresses are on, if it is to be filled in.
    pub site_domain: Option<String>,
}

const MICROS_PER_MINUTE: i64 = 60 * 1_000_000;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // What one event of an event hub may have.
            max_body_bytes: 1 << 20,
            max_depth: 32,
            max_text_bytes: 8_192,
            max_id_bytes: 512,
            max_list_length: 1_000,
            // A thousand products of an ordinary event; and a thousand such events still fit the memory of an instance.
            max_rows_bytes: 256 << 10,
            future_tolerance_micros: 5 * MICROS_PER_MINUTE,
            max_event_age_micros: Some(30 * 24 * 60 * MICROS_PER_MINUTE),
            site_domain: None,
        }
    }
}
