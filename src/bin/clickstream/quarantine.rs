//! `clickstream quarantine`: which events were rejected and why, and the events themselves.
//!
//! Does not know how the table is read, nor which reasons there can be.

use crate::command::{self, Failure, Verdict};
use crate::terminal::{grouped, printable, text_table};
use base64_simd::STANDARD;
use clickstream::lake::table::Table;
use clickstream::silver::quarantine;
use clickstream::silver::rejections::{self, Bodies, Kept, Newest, Totals};
use serde::Serialize;

/// How much of an event is printed for a person.
const MAX_BODY_CHARS: usize = 2_000;

#[derive(clap::Args)]
#[command(about = "Say which events were rejected and why, and show them")]
#[command(long_about = "Say which events were rejected and why, and show them.

Without `--reason`, one line for each reason: how many events, when the event hub received the first and the last of them, and \
the sentence of the last one. With `--reason`, the newest events of that reason: position, sentence and body. A body is printed \
up to 2,000 characters, with control characters as escapes; `--json` has all of it, in base64 where it is not UTF-8.

Exit code 0: whether or not anything was rejected. 2: the table cannot be read, or it has no such reason.")]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// Show the events of this reason, such as `not_json`, newest first
    #[arg(long)]
    reason: Option<String>,
    /// Events to show, at most
    #[arg(long, default_value_t = 20, requires = "reason")]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let app = command::open_existing_lake(&arguments.lake)?;
    let table = Table::at(&app.lake, quarantine::table(), &app.workers);
    command::block_on(async {
        match &arguments.reason {
            None => print_totals(&table, arguments.json).await,
            Some(reason) => print_events(&table, reason, arguments.limit, arguments.json).await,
        }
    })?;
    Ok(Verdict::Holds)
}

#[derive(Serialize)]
struct TotalsOutput {
    rejected: i64,
    reasons: Vec<ReasonOutput>,
}

#[derive(Serialize)]
struct ReasonOutput {
    reason: String,
    events: i64,
    first_seen: String,
    last_seen: String,
    example: String,
}

async fn print_totals(table: &Table, json: bool) -> Result<(), Failure> {
    let mut totals = Totals::default();
    rejections::visit(table, Bodies::NotRead, |rejection| totals.add(&rejection)).await?;
    let row = |(reason, total): (String, rejections::ReasonTotal)| ReasonOutput {
        reason,
        events: total.events,
        first_seen: total.first_seen.to_string(),
        last_seen: total.last_seen.to_string(),
        example: total.example,
    };
    let reasons: Vec<ReasonOutput> = totals.newest_first().into_iter().map(row).collect();
    let output = TotalsOutput { rejected: reasons.iter().map(|reason| reason.events).sum(), reasons };
    if json {
        println!("{}", serde_json::to_string(&output)?);
    } else if output.reasons.is_empty() {
        println!("nothing was rejected");
    } else {
        let row = |reason: ReasonOutput| {
            let ReasonOutput { reason, events, first_seen, last_seen, example } = reason;
            vec![printable(&reason), grouped(events), first_seen, last_seen, printable(&example)]
        };
        let header = ["rejected because", "events", "first seen", "last seen", "the last one, for example"];
        println!("{}", text_table(&header, output.reasons.into_iter().map(row)));
    }
    Ok(())
}

#[derive(Serialize)]
struct EventsOutput<'a> {
    reason: &'a str,
    /// All of this reason.
    rejected: i64,
    events: Vec<EventOutput>,
}

#[derive(Serialize)]
struct EventOutput {
    source: String,
    sequence_number: i64,
    enqueued_at: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Of a body that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

async fn print_events(table: &Table, reason: &str, limit: usize, json: bool) -> Result<(), Failure> {
    let (mut totals, mut newest) = (Totals::default(), Newest::of(reason, limit));
    let add = |rejection: rejections::Rejection| {
        totals.add(&rejection);
        newest.add(&rejection);
    };
    rejections::visit(table, Bodies::Read, add).await?;
    let Some(rejected) = totals.events(reason) else { return Err(no_such_reason(reason, totals)) };
    let kept = newest.newest_first();
    if json {
        let events = kept.into_iter().map(event_output).collect();
        println!("{}", serde_json::to_string(&EventsOutput { reason, rejected, events })?);
        return Ok(());
    }
    println!("{}: {} events; the newest {}:", printable(reason), grouped(rejected), grouped(kept.len() as i64));
    for Kept { enqueued_at, sequence_number, source, detail, body } in kept {
        println!("\n{}, sequence number {sequence_number}, enqueued {enqueued_at}", printable(&source));
        println!("{}\n{}", printable(&detail), shown(&body));
    }
    Ok(())
}

fn no_such_reason(reason: &str, totals: Totals) -> Failure {
    let reasons: Vec<String> = totals.newest_first().into_iter().map(|(reason, _)| format!("`{reason}`")).collect();
    match reasons.is_empty() {
        true => format!("cannot show events rejected as `{reason}`: nothing was rejected").into(),
        false => {
            let reasons = printable(&reasons.join(", "));
            format!("cannot show events rejected as `{reason}`: no event was; the reasons are {reasons}").into()
        }
    }
}

fn event_output(kept: Kept) -> EventOutput {
    let Kept { enqueued_at, sequence_number, source, detail, body } = kept;
    let enqueued_at = enqueued_at.to_string();
    let (body, body_base64) = match String::from_utf8(body) {
        Ok(body) => (Some(body), None),
        Err(error) => (None, Some(STANDARD.encode_to_string(error.as_bytes()))),
    };
    EventOutput { source, sequence_number, enqueued_at, detail, body, body_base64 }
}

/// The beginning of a body, as a terminal can show it.
fn shown(body: &[u8]) -> String {
    // A character has at most four bytes, and one more than is shown tells that there are more.
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * (MAX_BODY_CHARS + 1))]).into_owned();
    match text.char_indices().nth(MAX_BODY_CHARS) {
        Some((end, _)) => format!("{}... ({} bytes)", printable(&text[..end]), grouped(body.len() as i64)),
        None => printable(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_shown_without_control_characters_and_not_for_ever() {
        assert_eq!(shown(b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(shown(b"\x1b[2J\r\n\xff\0"), "\\u{1b}[2J\\r\\n\u{fffd}\\u{0}");
        let long = shown("é".repeat(5_000).as_bytes());
        assert!(long.starts_with("éé") && long.ends_with("é... (10,000 bytes)"), "{long}");
        assert_eq!(long.chars().filter(|&c| c == 'é').count(), MAX_BODY_CHARS);
        assert!(shown("😀".repeat(5_000).as_bytes()).ends_with("😀... (20,000 bytes)"));
    }
}
