//! What the handler writes, line by line.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::event::{EventSink, HostEvent, OutputStream};

/// Hands on every line until the stream ends. Bytes that are not UTF-8 are replaced.
pub async fn forward(output: Option<impl AsyncRead + Unpin>, stream: OutputStream, events: EventSink) {
    let Some(output) = output else { return };
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        events.emit(HostEvent::HandlerOutput { stream, line: text });
        line.clear();
    }
}
