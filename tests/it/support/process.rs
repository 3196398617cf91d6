//! Runs the executables as processes.

use super::limit::{Deadline, STEP_LIMIT, within};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HANDLER: &str = env!("CARGO_BIN_EXE_handler");
const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// The `clickstream` command. It finds the handler next to itself and builds nothing.
pub fn clickstream() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clickstream"));
    command.env_remove("CARGO").env_remove("LAKE_URL").env_remove("EVENTHUB_CONNECTION_STRING");
    command
}

/// A running handler. Dropping it kills the process.
pub struct Handler {
    child: Child,
    port: u16,
}

impl Handler {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_program(Path::new(HANDLER), settings)
    }

    /// Starts a handler from another path.
    pub fn start_program(program: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(handler(program, settings).stdout(Stdio::null()))
    }

    /// Starts a handler whose output goes to a file.
    pub fn start_with_log(settings: &[(&str, &str)], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a file");
        let also = log.try_clone().expect("a file");
        Self::spawn(handler(Path::new(HANDLER), settings).stdout(log).stderr(also))
    }

    fn spawn(command: &mut Command) -> Self {
        let port = free_port();
        let child = command.env(PORT, port.to_string()).spawn().expect("it starts");
        Handler { child, port }
    }

    /// Starts a handler as the child of a shell, which stands for the host.
    pub fn start_below_a_shell(settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$0\" & wait", HANDLER]).envs(settings.iter().copied());
        let child = shell.env(PORT, port.to_string()).stdout(Stdio::null()).spawn().expect("it starts");
        Handler { child, port }
    }

    pub fn kill_the_shell(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Waits for a handler that ends by itself.
    pub fn run_to_its_end(settings: &[(&str, &str)]) -> Output {
        handler(Path::new(HANDLER), settings).output().expect("it starts")
    }

    pub async fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
    }

    pub async fn ready(&self) {
        let deadline = Deadline::after(STEP_LIMIT);
        while !self.answers().await {
            deadline.check("the handler to listen");
            tokio::task::yield_now().await;
        }
    }

    /// Sends a recorded request unchanged. Returns head and body of the answer.
    pub async fn send_recorded(&self, name: &str) -> String {
        self.send(&recording(name)).await
    }

    /// Sends a recorded request unchanged but for the name of the function.
    pub async fn send_recorded_to(&self, name: &str, function: &str) -> String {
        let recorded = recording(name);
        let end = recorded.iter().position(|&byte| byte == b'\n').expect("a request line");
        let request = [format!("POST /{function} HTTP/1.1\r\n").as_bytes(), &recorded[end + 1..]].concat();
        self.send(&request).await
    }

    pub async fn send(&self, request: &[u8]) -> String {
        self.ready().await;
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        stream.write_all(request).await.expect("sent");
        within(STEP_LIMIT, "the answer of the handler", read_answer(&mut stream)).await
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn handler(program: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(settings.iter().copied());
    command
}

/// Reads as many bytes as the head announces, because the connection stays open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 16_384];
    loop {
        let read = stream.read(&mut part).await.expect("an answer");
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .expect("an answer says how long it is");
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert!(read > 0, "the connection was closed within the answer: {text}");
    }
}

fn recording(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/host-examples/{name}.http"));
    std::fs::read(path).expect("a recording")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A real web log, one event per line.
pub fn web_log() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/web-log.ndjson.gz");
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("the log is there");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("it is text");
    text
}
