//! Addresses: where a page is and where a visitor came from.
//!
//! Promises that a domain is never empty, that credentials of a web address are removed, and that path, query and
//! fragment stay byte for byte as sent. Uses no network and knows no public suffixes.

use std::borrow::Cow;
use url::{Host, form_urlencoded};

/// A text that may be an address, with its host if it is a web address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// As sent. A web address has no credentials, no port if it is the usual one of its scheme, and its host in lower case
    /// and not in punycode.
    pub text: String,
    /// The host of a web address. Never empty, without a trailing dot; an IPv6 address is in `[..]`.
    pub domain: Option<String>,
}

/// The longest name that DNS allows, its trailing dot included.
const MAX_NAME_BYTES: usize = 254;
/// The same with every byte percent-encoded, or in letters of four bytes each. Longer hosts are not decoded, because
/// decoding punycode takes more than linear time.
const MAX_HOST_BYTES: usize = 4 * MAX_NAME_BYTES;

impl Location {
    /// Reads a page's address. A relative one gets `site_domain`; one of another scheme, or unreadable, gets no domain.
    pub fn of_page(text: &str, site_domain: Option<&str>) -> Location {
        let text = text.trim();
        match Address::read(text) {
            Address::Web { text, domain } => Location { text, domain: Some(domain) },
            Address::Relative => Location {
                text: text.to_owned(),
                domain: site_domain.map(str::trim).filter(|domain| !domain.is_empty()).map(str::to_owned),
            },
            Address::Other => Location { text: text.to_owned(), domain: None },
        }
    }

    /// Reads where a visitor came from: an address, or a word such as `google` that has no domain.
    pub fn of_referrer(text: &str) -> Location {
        Location::of_page(text, None)
    }
}

/// The non-empty segments of an address's path, whatever its scheme, without query and fragment.
pub fn path_segments(address: &str) -> impl Iterator<Item = &str> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let after_authority = |rest: &'_ str| rest.find('/').unwrap_or(rest.len());
    let path = match authority_start(path) {
        Some(start) => &path[start + after_authority(&path[start..])..],
        None => path,
    };
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The first value in an address's query of each of `names`, decoded; `None` for those that it has not or that are blank.
pub fn query_values<const N: usize>(address: &str, names: [&str; N]) -> [Option<String>; N] {
    let mut values = [const { None }; N];
    let before_fragment = address.split('#').next().unwrap_or_default();
    let Some((_, query)) = before_fragment.split_once('?') else { return values };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let wanted = names.iter().position(|wanted| *wanted == name).filter(|&at| values[at].is_none());
        if let (Some(at), false) = (wanted, value.trim().is_empty()) {
            values[at] = Some(value.trim().to_owned());
        }
    }
    values
}

/// What an address turns out to be.
enum Address {
    Web { text: String, domain: String },
    Relative,
    Other,
}

impl Address {
    fn read(text: &str) -> Address {
        let scheme = scheme_of(text);
        let is_web = scheme.is_none_or(|name| name.eq_ignore_ascii_case("http") || name.eq_ignore_ascii_case("https"));
        let Some(start) = authority_start(text).filter(|_| is_web) else {
            return if scheme.is_none() { Address::Relative } else { Address::Other };
        };
        let end = text[start..].find(['/', '?', '#', '\\']).map_or(text.len(), |length| start + length);
        match host_and_port(&text[start..end]) {
            Some((domain, port)) => {
                let prefix = text[..start].to_ascii_lowercase();
                let port = port.filter(|&port| usual_port(&prefix) != Some(port));
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let text = [&prefix, domain.as_ref(), &port, &text[end..]].concat();
                Address::Web { text, domain: domain.into_owned() }
            }
            None => Address::Other,
        }
    }
}

/// `name` of `name:...`, if it is a scheme by RFC 3986: a letter, then letters, digits and `+-.`.
fn scheme_of(text: &str) -> Option<&str> {
    let (name, _) = text.split_once(':')?;
    let mut bytes = name.bytes();
    let starts_with_letter = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
    let rest_is_valid = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    (starts_with_letter && rest_is_valid).then_some(name)
}

/// Where the authority begins: after `scheme://` or a leading `//`.
fn authority_start(text: &str) -> Option<usize> {
    let scheme_length = scheme_of(text).map_or(0, |name| name.len() + 1);
    text[scheme_length..].starts_with("//").then_some(scheme_length + 2)
}

/// The port of addresses that name none, by the beginning of the address.
fn usual_port(prefix: &str) -> Option<u16> {
    match prefix {
        "http://" => Some(80),
        "https://" => Some(443),
        _ => None,
    }
}

/// The host and port of `[user[:password]@]host[:port]`, or `None` if no web server could have them.
fn host_and_port(authority: &str) -> Option<(Cow<'_, str>, Option<u16>)> {
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, rest)| rest);
    let port_at = host_and_port.rfind(':').filter(|&at| !host_and_port[at..].contains(']'));
    let (host, port) = host_and_port.split_at(port_at.unwrap_or(host_and_port.len()));
    let port = match port.strip_prefix(':').unwrap_or_default() {
        "" => None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    Some((readable_host(host)?, port))
}

/// The host as people read it, or `None` if no web server could have it.
fn readable_host(host: &str) -> Option<Cow<'_, str>> {
    if host.len() > MAX_HOST_BYTES {
        return None;
    }
    let host = if is_plain(host.as_bytes()) { lower_case(host) } else { Cow::Owned(decoded_host(host)?) };
    // A dot may end a fully qualified name; an empty label elsewhere is invalid.
    let host = match host {
        Cow::Borrowed(host) => Cow::Borrowed(host.strip_suffix('.').unwrap_or(host)),
        Cow::Owned(host) => Cow::Owned(host.strip_suffix('.').map(str::to_owned).unwrap_or(host)),
    };
    let has_empty_label = !host.starts_with('[') && host.split('.').any(str::is_empty);
    (!has_empty_label).then_some(host)
}

/// Whether lower case is all that a host needs: it has no punycode and no percent-encoding, and it cannot be an IPv4
/// address, because its last label starts with a letter.
fn is_plain(host: &[u8]) -> bool {
    let labels = host.strip_suffix(b".").unwrap_or(host);
    let last = labels.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    host.iter().all(plain)
        && last.first().is_some_and(u8::is_ascii_alphabetic)
        && !host.windows(4).any(|four| four.eq_ignore_ascii_case(b"xn--"))
}

fn lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// A host by the URL standard. Punycode becomes the letters it stands for, if these encode to the same punycode again.
fn decoded_host(host: &str) -> Option<String> {
    match Host::parse(host).ok()? {
        Host::Domain(ascii) if ascii.len() > MAX_NAME_BYTES => None,
        Host::Domain(ascii) => {
            let (readable, valid) = idna::domain_to_unicode(&ascii);
            let is_reversible = matches!(Host::parse(&readable), Ok(Host::Domain(again)) if again == ascii);
            Some(if valid.is_ok() && is_reversible { readable } else { ascii })
        }
        address => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests;
