//! Names and addresses: those of the event hub and its partitions, of this endpoint, and of what a link attaches to.
//!
//! Every value of these types is valid. Knows nothing of AMQP beyond the spelling of an address.

use chrono::{DateTime, Utc};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The port of AMQP without TLS.
pub(crate) const PLAIN_PORT: u16 = 5672;
/// As many partitions as an event hub of the dedicated tier has at most.
const MAX_PARTITIONS: u16 = 1024;
const MAX_NAME_BYTES: usize = 256;

/// Why a text or a number is not a name or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "the name of an event hub has up to 256 letters, digits, points, hyphens and underscores, and starts with a letter or digit"
    )]
    HubName,
    #[error("an event hub has 1 to 1024 partitions")]
    PartitionCount,
    #[error("not an address; try `127.0.0.1:5672`")]
    Address,
    #[error("not a loopback address: everybody knows the key of this endpoint, so only this machine may reach it")]
    NotLoopback,
}

/// The name of an event hub. It can be the name of a file too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName(String);

impl HubName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service ignores case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl FromStr for HubName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_NAME_BYTES && text.chars().all(is_allowed) {
            return Ok(HubName(text.to_owned()));
        }
        Err(NameError::HubName)
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A partition, by its number; the service writes it as a decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u16);

impl PartitionId {
    pub fn new(number: u16) -> Self {
        PartitionId(number)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of partitions of an event hub: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionCount(u16);

impl PartitionCount {
    pub(crate) const MAX: PartitionCount = PartitionCount(MAX_PARTITIONS);

    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn last(self) -> PartitionId {
        PartitionId(self.0 - 1)
    }

    pub(crate) fn ids(self) -> impl Iterator<Item = PartitionId> {
        (0..self.0).map(PartitionId)
    }

    /// The partition that `text` names, if there is one.
    pub(crate) fn find(self, text: &str) -> Option<PartitionId> {
        text.parse().ok().map(PartitionId).filter(|id| *id <= self.last())
    }

    /// The partition for a number that may be larger than any partition's.
    pub(crate) fn wrap(self, number: u64) -> PartitionId {
        PartitionId((number % u64::from(self.0)) as u16)
    }
}

impl TryFrom<usize> for PartitionCount {
    type Error = NameError;

    fn try_from(count: usize) -> Result<Self, NameError> {
        let count = u16::try_from(count).map_err(|_| NameError::PartitionCount)?;
        if (1..=MAX_PARTITIONS).contains(&count) { Ok(PartitionCount(count)) } else { Err(NameError::PartitionCount) }
    }
}

/// The event hub that an endpoint serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHub {
    pub name: HubName,
    pub partitions: PartitionCount,
    pub created_at: DateTime<Utc>,
}

/// An address that only this machine can reach. As text it is an IP address, a port, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopbackAddress(SocketAddr);

impl LoopbackAddress {
    pub(crate) fn socket(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for LoopbackAddress {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.replacen("localhost", "127.0.0.1", 1);
        let address = match (text.parse::<SocketAddr>(), text.parse::<IpAddr>(), text.parse::<u16>()) {
            (Ok(address), ..) => address,
            (_, Ok(ip), _) => SocketAddr::new(ip, PLAIN_PORT),
            (_, _, Ok(port)) => SocketAddr::from(([127, 0, 0, 1], port)),
            _ => return Err(NameError::Address),
        };
        if address.ip().is_loopback() { Ok(LoopbackAddress(address)) } else { Err(NameError::NotLoopback) }
    }
}

/// What a link attaches to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// Where clients put their tokens.
    Cbs,
    /// Where clients ask for properties.
    Management,
    /// An event hub, and one of its partitions where the address names one.
    Hub { name: String, partition: Option<String> },
}

impl Node {
    /// Reads `hub`, `hub/Partitions/0` or `$cbs`, with or without `amqps://host/` in front.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        let path =
            address.split_once("://").map_or(address, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match segments[..] {
            [name] if name.eq_ignore_ascii_case("$cbs") => Some(Node::Cbs),
            [name] | [_, name] if name.eq_ignore_ascii_case("$management") => Some(Node::Management),
            [name] if !name.is_empty() => Some(Node::Hub { name: name.to_owned(), partition: None }),
            [name, partitions, id] if partitions.eq_ignore_ascii_case("Partitions") => {
                Some(Node::Hub { name: name.to_owned(), partition: Some(id.to_owned()) })
            }
            _ => None,
        }
    }
}

/// The event hub that the resource of a token names; empty for the whole namespace.
pub(crate) fn entity(resource: &str) -> &str {
    let path = resource.split_once("://").map_or(resource, |(_, rest)| rest);
    path.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_which_clients_write_an_address() {
        let hub = |partition: Option<&str>| {
            Some(Node::Hub { name: "clicks".to_owned(), partition: partition.map(str::to_owned) })
        };
        for (address, node) in [
            ("clicks", hub(None)),
            ("/clicks/", hub(None)),
            ("amqps://localhost:5672/clicks", hub(None)),
            ("clicks/Partitions/0", hub(Some("0"))),
            ("amqps://localhost/clicks/Partitions/3", hub(Some("3"))),
            ("$cbs", Some(Node::Cbs)),
            ("$management", Some(Node::Management)),
            ("amqps://localhost/$management", Some(Node::Management)),
            ("", None),
            ("amqps://localhost", None),
            ("clicks/ConsumerGroups/$Default/Partitions/0", None),
        ] {
            assert_eq!(Node::parse(address), node, "{address}");
        }
    }

    #[test]
    fn the_entity_of_a_token() {
        for (resource, expected) in [
            ("amqps://localhost/clicks", "clicks"),
            ("sb://localhost:5672/clicks/Partitions/0", "clicks"),
            ("sb://localhost/", ""),
            ("sb://localhost", ""),
        ] {
            assert_eq!(entity(resource), expected, "{resource}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_accepted() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1", "127.0.0.1:5672"),
            ("localhost", "127.0.0.1:5672"),
            ("localhost:1234", "127.0.0.1:1234"),
            ("1234", "127.0.0.1:1234"),
            ("[::1]:5672", "[::1]:5672"),
            ("::1", "[::1]:5672"),
        ] {
            assert_eq!(text.parse().map(|address: LoopbackAddress| address.0.to_string()), Ok(expected.to_owned()));
        }
        for text in ["0.0.0.0:5672", "[::]:5672", "192.168.1.2", "10.0.0.1:1"] {
            assert_eq!(text.parse::<LoopbackAddress>(), Err(NameError::NotLoopback), "{text}");
        }
        assert_eq!("example.com:5672".parse::<LoopbackAddress>(), Err(NameError::Address));
    }

    #[test]
    fn the_name_of_a_hub_can_be_the_name_of_a_file() {
        assert!("clickstream".parse::<HubName>().is_ok());
        for name in ["", "../x", ".x", "a b", "a/b", &"x".repeat(257)] {
            assert_eq!(name.parse::<HubName>(), Err(NameError::HubName), "{name}");
        }
    }

    #[test]
    fn a_hub_has_1_to_1024_partitions_and_finds_its_own() {
        assert!(PartitionCount::try_from(0).is_err() && PartitionCount::try_from(1025).is_err());
        let count = PartitionCount::try_from(2).expect("2 is allowed");
        assert_eq!(count.find("1"), Some(PartitionId(1)));
        assert!(["2", "-1", "x", ""].iter().all(|text| count.find(text).is_none()));
    }
}
