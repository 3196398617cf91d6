//! `$management`: what clients ask about the hub and its partitions.

use super::journal::{Journal, PartitionState};
use super::refusal::Refusal;
use super::reply::{Answer, Request, Status};
use super::token::Claims;
use fe2o3_amqp_types::primitives::{Array, OrderedMap, Timestamp, Value};
use functions_host::EventSource;

const HUB: &str = "com.microsoft:eventhub";
const PARTITION: &str = "com.microsoft:partition";

/// Answers a `READ`: 200 and a map, or 400, 401 or 404 with a sentence.
pub fn answer(request: &Request, hub: &Journal, created_at_ms: i64, claims: &Claims, now: i64) -> Answer {
    match read(request, hub, created_at_ms, claims, now) {
        Ok(entries) => {
            let map: OrderedMap<Value, Value> =
                entries.into_iter().map(|(name, value)| (Value::String(name.to_owned()), value)).collect();
            request.answer(Status::new(200, "OK"), Value::Map(map))
        }
        Err((code, reason)) => request.answer(Status::new(code, reason), Value::Null),
    }
}

type Entries = Vec<(&'static str, Value)>;

fn read(
    request: &Request,
    hub: &Journal,
    created_at_ms: i64,
    claims: &Claims,
    now: i64,
) -> Result<Entries, (i32, String)> {
    let name = request.property("name").unwrap_or_default();
    if request.property("operation") != Some("READ") {
        return Err((400, "Only the operation READ is known here.".to_owned()));
    }
    if !claims.allow(name, now) {
        return Err((401, Refusal::Unauthorized(name.to_owned()).to_string()));
    }
    if !name.eq_ignore_ascii_case(hub.event_hub()) {
        return Err((404, Refusal::NoSuchEntity(name.to_owned()).to_string()));
    }
    match request.property("type") {
        Some(HUB) => Ok(hub_entries(hub, created_at_ms)),
        Some(PARTITION) => {
            let id = request.property("partition").unwrap_or_default();
            let state = id.parse().ok().and_then(|partition| hub.partition(partition));
            let last = hub.partition_count() - 1;
            let state = state.ok_or_else(|| (404, Refusal::NoSuchPartition { id: id.to_owned(), last }.to_string()))?;
            Ok(partition_entries(hub, id, state))
        }
        _ => Err((400, format!("Only the types {HUB} and {PARTITION} are known here."))),
    }
}

fn hub_entries(hub: &Journal, created_at_ms: i64) -> Entries {
    let ids: Vec<Value> = (0..hub.partition_count()).map(|id| Value::String(id.to_string())).collect();
    vec![
        ("name", Value::String(hub.event_hub().to_owned())),
        ("type", Value::String(HUB.to_owned())),
        ("created_at", Value::Timestamp(Timestamp::from_milliseconds(created_at_ms))),
        ("partition_count", Value::Int(hub.partition_count() as i32)),
        ("partition_ids", Value::Array(Array::from(ids))),
        ("georeplication_factor", Value::Int(1)),
    ]
}

fn partition_entries(hub: &Journal, id: &str, state: PartitionState) -> Entries {
    // As the service says it of a partition that is empty.
    let offset = if state.events == 0 { "-1".to_owned() } else { state.last_offset.to_string() };
    vec![
        ("name", Value::String(hub.event_hub().to_owned())),
        ("type", Value::String(PARTITION.to_owned())),
        ("partition", Value::String(id.to_owned())),
        ("begin_sequence_number", Value::Long(0)),
        ("last_enqueued_sequence_number", Value::Long(state.events as i64 - 1)),
        ("last_enqueued_sequence_number_epoch", Value::Int(-1)),
        ("last_enqueued_offset", Value::String(offset)),
        ("last_enqueued_time_utc", Value::Timestamp(Timestamp::from_milliseconds(state.last_enqueued_at_ms))),
        ("is_partition_empty", Value::Bool(state.events == 0)),
    ]
}
