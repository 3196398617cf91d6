//! How large and deep an event may be. Values only: the steps that read apply them.

/// Bounds of one event. A body beyond its bounds is rejected; a text or list beyond its bounds is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Length of the body as received.
    pub max_body_bytes: usize,
    /// How many objects and lists may be nested, the event itself included.
    pub max_depth: usize,
    /// Length of one text in UTF-8, without its quotes and with escapes resolved.
    pub max_text_bytes: usize,
    /// The same for ids, and for the event type.
    pub max_id_bytes: usize,
    /// Elements of one list that are kept.
    pub max_list_length: usize,
    /// Text in all silver rows of one event that has several products. Each row repeats what belongs to the event, so
    /// without this bound a small body could become a thousand times as large.
    pub max_rows_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // The largest event that an event hub accepts.
            max_body_bytes: 1 << 20,
            max_depth: 32,
            max_text_bytes: 8_192,
            max_id_bytes: 512,
            max_list_length: 1_000,
            // Enough for an ordinary event with a thousand products; a thousand such events still fit into an instance.
            max_rows_bytes: 256 << 10,
        }
    }
}
