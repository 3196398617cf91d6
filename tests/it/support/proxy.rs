//! A TCP proxy between the handlers and the store that behaves like a bad network. It cuts, resets and stalls connections within
//! requests, within answers and between the two.
//!
//! It reads just enough HTTP to know where a request ends. What it does to the n-th request follows from the seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request or to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection ends within the request.
    RequestCut,
    /// The store executes the request, and the connection ends before the answer.
    AnswerLost,
    /// The connection ends within the answer.
    AnswerCut,
    /// The last byte of the request arrives only after the client has given up.
    RequestStalls,
    /// The store executes the request, and no answer arrives until the client gives up.
    AnswerStalls,
}

/// How often each fault happens in a long run.
const ONE_IN: u32 = 12;
const QUICK: [Fault; 3] = [Fault::RequestCut, Fault::AnswerLost, Fault::AnswerCut];
const SLOW: [Fault; 2] = [Fault::RequestStalls, Fault::AnswerStalls];
/// One PUT in so many stalls, until the stalls are used up. There are few because each costs the client its whole timeout.
const STALL_EVERY: u64 = 25;

pub struct Proxy {
    pub address: SocketAddr,
    weather: Arc<Weather>,
}

struct Weather {
    seed: u64,
    store: SocketAddr,
    requests: AtomicU64,
    puts: AtomicU64,
    stalls: u64,
    made: Mutex<BTreeMap<Fault, u64>>,
}

impl Proxy {
    /// Listens and forwards to `store`. At most `stalls` requests will stall.
    pub async fn start(store: SocketAddr, seed: u64, stalls: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (requests, puts, made) = (AtomicU64::default(), AtomicU64::default(), Mutex::default());
        let weather = Arc::new(Weather { seed, store, requests, puts, stalls, made });
        tokio::spawn(accept(listener, weather.clone()));
        Proxy { address, weather }
    }

    /// How often each fault happened.
    pub fn made(&self) -> BTreeMap<Fault, u64> {
        self.weather.made.lock().expect("no task has panicked").clone()
    }

    pub fn requests(&self) -> u64 {
        self.weather.requests.load(Ordering::Relaxed)
    }
}

impl Weather {
    /// The fault of the next request, if any.
    fn fault(&self, dice: &mut ChaCha8Rng, is_put: bool) -> Option<Fault> {
        let stall = is_put && {
            let put = self.puts.fetch_add(1, Ordering::Relaxed) + 1;
            put.is_multiple_of(STALL_EVERY) && put / STALL_EVERY <= self.stalls
        };
        let fault = match stall {
            true => Some(SLOW[dice.random_range(0..SLOW.len())]),
            false => dice.random_ratio(1, ONE_IN).then(|| QUICK[dice.random_range(0..QUICK.len())]),
        };
        if let Some(fault) = fault {
            *self.made.lock().expect("no task has panicked").entry(fault).or_default() += 1;
        }
        fault
    }
}

async fn accept(listener: TcpListener, weather: Arc<Weather>) {
    while let Ok((client, _)) = listener.accept().await {
        let weather = weather.clone();
        tokio::spawn(async move {
            // Errors are expected: the network is bad.
            let _ = connection(client, &weather).await;
        });
    }
}

struct Request {
    head: Vec<u8>,
    body_bytes: usize,
    is_put: bool,
}

async fn connection(mut client: TcpStream, weather: &Weather) -> io::Result<()> {
    let mut store = TcpStream::connect(weather.store).await?;
    let mut early = Vec::new();
    while let Some(request) = next_request(&mut client, &mut store, &mut early).await? {
        let number = weather.requests.fetch_add(1, Ordering::Relaxed);
        let mut dice = ChaCha8Rng::seed_from_u64(weather.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        match weather.fault(&mut dice, request.is_put) {
            None => pass(request, &mut early, &mut client, &mut store).await?,
            Some(fault) => {
                suffer(fault, request, early, &mut client, &mut store, &mut dice).await?;
                return end(client, store, &mut dice).await;
            }
        }
    }
    Ok(())
}

/// Forwards answers until the head of the next request is complete. `None` at the end of the connection.
async fn next_request(
    client: &mut TcpStream,
    store: &mut TcpStream,
    early: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    let (mut question, mut answer) = ([0; 16_384], [0; 16_384]);
    loop {
        if let Some(end) = early.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = early.split_off(end + 4);
            return Ok(Some(read_head(std::mem::replace(early, rest))));
        }
        tokio::select! {
            read = client.read(&mut question) => match read? {
                0 => return Ok(None),
                read => early.extend_from_slice(&question[..read]),
            },
            read = store.read(&mut answer) => match read? {
                0 => return Ok(None),
                read => client.write_all(&answer[..read]).await?,
            },
        }
    }
}

fn read_head(head: Vec<u8>) -> Request {
    let text = String::from_utf8_lossy(&head);
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    Request { body_bytes: length.unwrap_or(0), is_put: text.starts_with("PUT "), head }
}

/// Forwards the whole request unchanged.
async fn pass(request: Request, early: &mut Vec<u8>, client: &mut TcpStream, store: &mut TcpStream) -> io::Result<()> {
    let whole = whole(request, early, client).await?;
    store.write_all(&whole).await
}

async fn whole(request: Request, early: &mut Vec<u8>, client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let Request { mut head, body_bytes, .. } = request;
    let at_hand = body_bytes.min(early.len());
    head.extend(early.drain(..at_hand));
    let missing = head.len();
    head.resize(missing + body_bytes - at_hand, 0);
    client.read_exact(&mut head[missing..]).await?;
    Ok(head)
}

async fn suffer(
    fault: Fault,
    request: Request,
    mut early: Vec<u8>,
    client: &mut TcpStream,
    store: &mut TcpStream,
    dice: &mut ChaCha8Rng,
) -> io::Result<()> {
    let whole = whole(request, &mut early, client).await?;
    let mut answer = [0; 16_384];
    match fault {
        Fault::RequestCut => store.write_all(&whole[..dice.random_range(0..whole.len())]).await,
        Fault::RequestStalls => {
            let (last, all_but_it) = whole.split_last().expect("a request is not empty");
            store.write_all(all_but_it).await?;
            given_up(client).await;
            store.write_all(&[*last]).await?;
            // The store has executed the request once it answers.
            store.read(&mut answer).await.map(|_| ())
        }
        Fault::AnswerLost | Fault::AnswerCut | Fault::AnswerStalls => {
            store.write_all(&whole).await?;
            let read = store.read(&mut answer).await?;
            if fault == Fault::AnswerCut && read > 0 {
                client.write_all(&answer[..dice.random_range(0..read)]).await?;
            }
            if fault == Fault::AnswerStalls {
                given_up(client).await;
            }
            Ok(())
        }
    }
}

/// Waits until the client has closed its side.
async fn given_up(client: &mut TcpStream) {
    let mut ignored = [0; 1_024];
    while let Ok(1..) = client.read(&mut ignored).await {}
}

/// Ends both connections, in order or by a reset.
async fn end(client: TcpStream, store: TcpStream, dice: &mut ChaCha8Rng) -> io::Result<()> {
    if dice.random() {
        client.set_zero_linger()?;
        store.set_zero_linger()?;
    }
    Ok(())
}
