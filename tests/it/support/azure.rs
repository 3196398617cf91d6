//! A storage account and the token endpoint of Functions, on one port of the loopback interface. The account accepts only tokens
//! that the endpoint issued. Azurite cannot be used for this: it accepts tokens over TLS only.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

pub const CONTAINER: &str = "lake";

const LAST_MODIFIED: &str = "Mon, 05 Jan 2026 00:00:00 GMT";

/// A request to the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub identity_header: Option<String>,
}

/// A request to the storage account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
}

#[derive(Default)]
struct Inside {
    token: String,
    tokens: Vec<TokenRequest>,
    requests: Vec<StoreRequest>,
    blobs: BTreeMap<String, Bytes>,
}

#[derive(Clone)]
pub struct Azure {
    pub address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

impl Azure {
    /// `token` is the one that the endpoint issues and the account accepts.
    pub async fn start(token: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let inside = Inside { token: token.to_owned(), ..Inside::default() };
        let azure = Azure { address: listener.local_addr().expect("an address"), inside: Arc::new(Mutex::new(inside)) };
        let router = Router::new().route("/msi/token", get(give_token)).fallback(any(serve)).with_state(azure.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        azure
    }

    pub fn identity_endpoint(&self) -> String {
        format!("http://{}/msi/token", self.address)
    }

    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.inside().tokens.clone()
    }

    pub fn store_requests(&self) -> Vec<StoreRequest> {
        self.inside().requests.clone()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no test thread has panicked")
    }
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

async fn give_token(State(azure): State<Azure>, uri: Uri, headers: HeaderMap) -> String {
    let (path, identity_header) = (uri.path().to_owned(), text(&headers, "x-identity-header"));
    let query = query(&uri);
    let resource = query.get("resource").cloned().unwrap_or_default();
    let mut inside = azure.inside();
    inside.tokens.push(TokenRequest { path, query, identity_header });
    // Functions sends the expiry as text.
    json!({"access_token": inside.token, "expires_on": "4102444800", "resource": resource, "token_type": "Bearer"})
        .to_string()
}

async fn serve(State(azure): State<Azure>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut inside = azure.inside();
    let authorization = text(&headers, "authorization");
    let is_known = authorization.as_deref() == Some(&format!("Bearer {}", inside.token));
    inside.requests.push(StoreRequest { method: method.to_string(), path: uri.path().to_owned(), authorization });
    if !is_known {
        return StatusCode::FORBIDDEN.into_response();
    }
    let query = query(&uri);
    if query.get("comp").is_some_and(|comp| comp == "list") {
        return listed(&inside.blobs, &query).into_response();
    }
    let name = uri.path().trim_start_matches(&format!("/{CONTAINER}/")).to_owned();
    match method {
        Method::PUT if headers.contains_key("if-none-match") && inside.blobs.contains_key(&name) => {
            StatusCode::CONFLICT.into_response()
        }
        Method::PUT => {
            inside.blobs.insert(name, body);
            (StatusCode::CREATED, properties()).into_response()
        }
        Method::GET | Method::HEAD => match inside.blobs.get(&name) {
            Some(blob) => read(blob, text(&headers, "range").or(text(&headers, "x-ms-range"))),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn properties() -> [(header::HeaderName, &'static str); 2] {
    [(header::ETAG, "\"0x1\""), (header::LAST_MODIFIED, LAST_MODIFIED)]
}

/// `range` is `bytes=from-to`, or `bytes=from-`.
fn read(blob: &Bytes, range: Option<String>) -> Response {
    let Some(range) = range else { return (StatusCode::OK, properties(), blob.clone()).into_response() };
    let (from, to) = range.trim_start_matches("bytes=").split_once('-').expect("a range");
    let from: usize = from.parse().expect("a number");
    let to = to.parse::<usize>().map_or(blob.len(), |to| (to + 1).min(blob.len()));
    let content_range = [(header::CONTENT_RANGE, format!("bytes {from}-{}/{}", to - 1, blob.len()))];
    (StatusCode::PARTIAL_CONTENT, properties(), content_range, blob.slice(from..to)).into_response()
}

fn listed(blobs: &BTreeMap<String, Bytes>, query: &BTreeMap<String, String>) -> String {
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let delimiter = query.get("delimiter");
    let mut folders = BTreeSet::new();
    let mut list = String::new();
    for (name, blob) in blobs.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        if let Some(end) = delimiter.and_then(|delimiter| name[prefix.len()..].find(delimiter.as_str())) {
            folders.insert(&name[..prefix.len() + end + 1]);
            continue;
        }
        list.push_str(&format!(
            "<Blob><Name>{name}</Name><Properties><Last-Modified>{LAST_MODIFIED}</Last-Modified><Etag>0x1</Etag>\
             <Content-Length>{}</Content-Length><Content-Type>application/octet-stream</Content-Type></Properties></Blob>",
            blob.len()
        ));
    }
    for folder in folders {
        list.push_str(&format!("<BlobPrefix><Name>{folder}</Name></BlobPrefix>"));
    }
    format!("<?xml version=\"1.0\"?><EnumerationResults><Blobs>{list}</Blobs><NextMarker /></EnumerationResults>")
}
