//! The open endpoint: it accepts connections until it is dropped.

use crate::auth::{KEY, KEY_NAME};
use crate::connection;
use crate::journal::Journal;
use crate::names::{LoopbackAddress, PLAIN_PORT};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Clients that are served at the same time. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// The client for Python sets the segment size to the one that it finds. Linux refuses more than 32,767, and the size of a
/// loopback connection is larger.
const SEGMENT_BYTES: u32 = 32_000;
/// How long to wait after a connection could not be accepted, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An endpoint that accepts events. Dropping it closes all connections.
pub struct Endpoint {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Listens on `address` and stores events in `journal`. Port 0 picks a free port.
    ///
    /// # Errors
    /// When the address is in use.
    pub async fn open(address: LoopbackAddress, journal: Arc<Journal>) -> io::Result<Self> {
        let address = address.socket();
        let listener = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on `{address}`: {error}; port 0 picks a free one"))
        })?;
        SockRef::from(&listener).set_tcp_mss(SEGMENT_BYTES)?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, journal));
        Ok(Endpoint { address, task })
    }

    /// Where it listens: port 0 has become the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connection string that a client needs. It names no event hub.
    pub fn connection_string(&self) -> String {
        // Clients expect the name `localhost`, and no port where it is the usual one.
        let port = if self.address.port() == PLAIN_PORT { String::new() } else { format!(":{}", self.address.port()) };
        format!(
            "Endpoint=sb://localhost{port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};\
             UseDevelopmentEmulator=true;"
        )
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, journal: Arc<Journal>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // An error would mean that the semaphore is closed, and nobody closes it.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let journal = journal.clone();
                    connections.spawn(async move {
                        connection::serve(stream, journal).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
