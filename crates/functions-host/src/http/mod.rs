//! The HTTP endpoint of the host: `/<prefix>/<route>` for HTTP functions, `/admin/functions/<name>` to run a timer.
//!
//! Promises the default and the forwarding mode of the Functions host. Does not know authorization: it listens on the
//! loopback interface only.

mod reply;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::answer::InvocationOutcome;
use crate::app::function::{Function, HttpTrigger};
use crate::app::settings::HttpMode;
use crate::clock;
use crate::envelope::{self, InboundRequest};
use crate::instances::Instances;
use crate::invoke::{Invocation, Origin, Reply, connection_failure, with_host_headers};
use crate::lifecycle::Lease;
use crate::timers::Timer;
use reply::{empty, reply, text};

/// The limit that the real host has for requests from outside.
const MAX_BODY_BYTES: usize = 100 * 1024 * 1024;

/// Serves requests from outside.
pub(crate) struct HttpEndpoint {
    /// The most specific route first.
    routes: Vec<(Arc<Function>, HttpTrigger)>,
    route_prefix: String,
    timers: Vec<Arc<Timer>>,
    instances: Arc<Instances>,
    /// Follows no redirects, because a forwarded response is returned unchanged.
    forwarding_client: reqwest::Client,
}

impl HttpEndpoint {
    /// Prepares the routes, and the client for forwarded requests.
    ///
    /// # Errors
    /// When the client cannot be created.
    pub(crate) fn new(
        mut routes: Vec<(Arc<Function>, HttpTrigger)>,
        route_prefix: String,
        timers: Vec<Arc<Timer>>,
        instances: Arc<Instances>,
    ) -> reqwest::Result<Self> {
        routes.sort_by(|(_, one), (_, other)| one.route.specificity(&other.route));
        let no_redirects = reqwest::redirect::Policy::none();
        let forwarding_client = reqwest::Client::builder().no_proxy().redirect(no_redirects).build()?;
        Ok(Self { routes, route_prefix, timers, instances, forwarding_client })
    }

    /// Serves until the host stops.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let lifecycle = self.instances.lifecycle.clone();
        let router = Router::new().fallback(answer).with_state(Arc::new(self));
        let stopped = async move {
            lifecycle.ended().await;
        };
        // This never returns an error: an error of one connection ends that connection only.
        let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
    }

    fn find(&self, method: &Method, path: &str) -> Option<(&Function, &HttpTrigger, BTreeMap<String, String>)> {
        let below_prefix = path.trim_start_matches('/').strip_prefix(&self.route_prefix)?;
        if !self.route_prefix.is_empty() && !below_prefix.is_empty() && !below_prefix.starts_with('/') {
            return None;
        }
        let allowed = |trigger: &HttpTrigger| {
            trigger.methods.is_empty() || trigger.methods.iter().any(|allowed| allowed == method.as_str())
        };
        self.routes
            .iter()
            .filter(|(_, trigger)| allowed(trigger))
            .find_map(|(function, trigger)| Some((&**function, trigger, trigger.route.matches(below_prefix)?)))
    }

    async fn function(&self, request: Request, path: &str) -> Response<Body> {
        let Some((function, trigger, parameters)) = self.find(request.method(), path) else {
            return empty(404);
        };
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            return empty(413);
        };
        match trigger.mode {
            HttpMode::Forwarded => self.forward(&parts, body).await,
            HttpMode::Envelope => self.invoke(function, trigger, inbound(&parts, parameters, body)).await,
        }
    }

    async fn invoke(&self, function: &Function, trigger: &HttpTrigger, request: InboundRequest) -> Response<Body> {
        let envelope = Ok(envelope::http_request(&trigger.binding, &request));
        let (origin, lease) = (Origin::Request, &Lease::held());
        let invocation = Invocation { function, partition: None, envelope, origin, lease };
        match self.instances.any().invoke(invocation).await.outcome {
            InvocationOutcome::Succeeded(answer) => reply(&answer, trigger.output.as_deref()),
            InvocationOutcome::Failed(_) => empty(500),
            InvocationOutcome::Abandoned => empty(503),
        }
    }

    /// Sends the request to the handler unchanged, and returns its response unchanged, whatever the status.
    async fn forward(&self, parts: &axum::http::request::Parts, body: Bytes) -> Response<Body> {
        let invoker = self.instances.any();
        let Some(generation) = invoker.ready().await else { return empty(503) };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("http://127.0.0.1:{}{path}", invoker.handler.port);
        let mut request = with_host_headers(self.forwarding_client.request(parts.method.clone(), url), clock::new_id());
        for (name, value) in parts.headers.iter().filter(|(name, _)| !is_hop_by_hop(name.as_str())) {
            request = request.header(name, value);
        }
        let call = async {
            match forwarded(request.body(body)).await {
                Ok(response) => Reply::Done(response),
                Err(error) => Reply::Failed(connection_failure(&error)),
            }
        };
        invoker.within_timeout(generation, call).await.unwrap_or_else(|_| empty(502))
    }

    fn admin(&self, method: &Method, function: &str) -> Response<Body> {
        if method != Method::POST {
            return empty(405);
        }
        let Some(timer) = self.timers.iter().find(|timer| timer.name().eq_ignore_ascii_case(function)) else {
            return text(404, None, format!("cannot find a timer function named `{function}`\n"));
        };
        let timer = Arc::clone(timer);
        tokio::spawn(async move { timer.run_now().await });
        empty(202)
    }
}

async fn answer(State(endpoint): State<Arc<HttpEndpoint>>, request: Request) -> Response<Body> {
    let path = percent_decoded(request.uri().path());
    match path.strip_prefix("/admin/functions/") {
        Some(function) => endpoint.admin(request.method(), function),
        None => endpoint.function(request, &path).await,
    }
}

fn inbound(parts: &axum::http::request::Parts, parameters: BTreeMap<String, String>, body: Bytes) -> InboundRequest {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let host = parts.headers.get("host").map_or_else(|| "127.0.0.1".to_owned(), text);
    let query = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
    InboundRequest {
        url: format!("http://{host}{}", parts.uri),
        method: parts.method.to_string(),
        query: query
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        parameters,
        body,
    }
}

async fn forwarded(request: reqwest::RequestBuilder) -> reqwest::Result<Response<Body>> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await?));
    *response.status_mut() = status;
    for (name, value) in headers.iter().filter(|(name, _)| !is_hop_by_hop(name.as_str())) {
        response.headers_mut().append(name, value.clone());
    }
    Ok(response)
}

/// Whether a header is about the connection or the framing. The other side has its own.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "transfer-encoding" | "content-length" | "upgrade" | "expect" | "te")
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn percent_escapes_are_decoded_and_the_rest_kept() {
        for (text, expected) in [("a%20b", "a b"), ("%C5%BC", "ż"), ("100%", "100%"), ("%zz", "%zz"), ("ż%", "ż%")] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }
}
