//! Position of a single event (`cardinality` one or absent), and why it can be trusted.
//!
//! If such an event is text and the text is a JSON object, the host copies the object's members into the metadata,
//! where they overwrite its own: a body with `"SequenceNumber": 7` claims position 7. But the body is here too, so we
//! know which members it may have overwritten. Every fact is in two places (`SequenceNumber` and
//! `SystemProperties.SequenceNumber`, two partition contexts), and we read it from a place that the body does not name.
//! If the body names both, the invocation is an error: a client that chooses its own position could make us skip the
//! events of others as duplicates.

use super::error::EnvelopeError;
use super::json::{Members, instant, integer, members, plain_text};
use super::position::{EventPosition, PARTITION_KEYS, source_partition};
use crate::event::ids::{SequenceNumber, SourcePartition};
use crate::event::time::Timestamp;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const SYSTEM: &str = "SystemProperties";
const SEQUENCE_NUMBER: &str = "SequenceNumber";
const ENQUEUED_TIME: &str = "EnqueuedTimeUtc";

/// The metadata of a single event, without the members that its body may have overwritten.
pub(super) struct Trusted<'a> {
    metadata: &'a Members<'a>,
    overwritten: Overwritten,
    system: Members<'a>,
}

impl<'a> Trusted<'a> {
    /// `text` is the body, if it arrived as text.
    pub fn new(metadata: &'a Members<'a>, text: Option<&str>) -> Self {
        let overwritten = text.map_or(Overwritten::Nothing, Overwritten::by);
        let mut trusted = Trusted { metadata, overwritten, system: Members::new() };
        trusted.system = trusted.get(SYSTEM).and_then(members).unwrap_or_default();
        trusted
    }

    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.metadata.get(key).copied().filter(|_| !self.overwritten.may_include(key))
    }

    pub fn partition(&self) -> Result<SourcePartition, EnvelopeError> {
        let context = PARTITION_KEYS.iter().find_map(|key| self.get(key));
        source_partition(context.ok_or_else(|| self.absent("PartitionContext", &PARTITION_KEYS))?)
    }

    pub fn position(&self) -> Result<EventPosition, EnvelopeError> {
        Ok(EventPosition {
            sequence_number: self.sequence_number()?,
            offset: self.offset(),
            enqueued_at: self.enqueued_at()?,
        })
    }

    /// If two trusted places disagree, the host copies members in a way that we do not know.
    fn sequence_number(&self) -> Result<SequenceNumber, EnvelopeError> {
        let metadata = self.get(SEQUENCE_NUMBER).and_then(integer);
        let system = self.system.get(SEQUENCE_NUMBER).and_then(|raw| integer(raw));
        match (system, metadata) {
            (Some(system), Some(metadata)) if system != metadata => {
                Err(EnvelopeError::PositionsDisagree { metadata, system })
            }
            (Some(number), _) | (None, Some(number)) => Ok(SequenceNumber(number)),
            (None, None) => Err(self.absent(SEQUENCE_NUMBER, &[SEQUENCE_NUMBER, SYSTEM])),
        }
    }

    fn offset(&self) -> String {
        let system = self.system.get("OffsetString").copied();
        let candidates = [system, self.get("OffsetString"), self.get("Offset")];
        candidates.into_iter().flatten().find_map(plain_text).unwrap_or_default()
    }

    /// The metadata's own time has whole seconds only, so it is the last choice.
    fn enqueued_at(&self) -> Result<Timestamp, EnvelopeError> {
        let system = ["x-opt-enqueued-time", ENQUEUED_TIME].into_iter().filter_map(|key| self.system.get(key).copied());
        let candidates = system.chain(self.get(ENQUEUED_TIME));
        let read = candidates.into_iter().find_map(instant);
        read.ok_or_else(|| self.absent(ENQUEUED_TIME, &[ENQUEUED_TIME, SYSTEM]))
    }

    fn absent(&self, fact: &'static str, keys: &[&'static str]) -> EnvelopeError {
        if keys.iter().any(|key| self.metadata.contains_key(*key) && self.overwritten.may_include(key)) {
            return EnvelopeError::Forgeable { fact };
        }
        match fact {
            "PartitionContext" => EnvelopeError::NoPartition,
            key => EnvelopeError::NoMetadata { key },
        }
    }
}

/// What a body may have overwritten in the metadata. Like the host, we compare names without case.
enum Overwritten {
    Nothing,
    /// The upper-cased names of the members of a JSON object.
    Names(BTreeMap<String, IgnoredAny>),
    /// Anything that this text mentions. The host's parser may read it as an object although ours does not, because it
    /// accepts comments, single quotes and more.
    Anything(String),
}

impl Overwritten {
    fn by(body: &str) -> Self {
        let body = body.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if !body.starts_with('{') {
            return Overwritten::Nothing;
        }
        match serde_json::from_str::<BTreeMap<String, IgnoredAny>>(body) {
            Ok(names) => Overwritten::Names(names.into_keys().map(|name| (name.to_uppercase(), IgnoredAny)).collect()),
            Err(_) => Overwritten::Anything(body.to_owned()),
        }
    }

    fn may_include(&self, key: &str) -> bool {
        let key = key.to_uppercase();
        match self {
            Overwritten::Nothing => false,
            Overwritten::Names(names) => names.contains_key(&key),
            // An escape could be part of any name.
            Overwritten::Anything(text) => text.contains("\\u") || text.to_uppercase().contains(&key),
        }
    }
}
