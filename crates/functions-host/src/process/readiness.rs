//! When a handler is ready: as soon as it answers `GET /`, with whatever status.

use std::time::Duration;

/// The interval of the real host.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Returns once the handler on `port` has answered.
pub async fn answered(client: &reqwest::Client, port: u16) {
    let url = format!("http://127.0.0.1:{port}/");
    while client.get(&url).send().await.is_err() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
