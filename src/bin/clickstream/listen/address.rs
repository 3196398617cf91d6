//! Where a link wants to go: the names that the official clients write, read into the few places there are.

/// A place to attach to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Where tokens are put.
    Cbs,
    /// Where properties are asked for.
    Management,
    /// An event hub, and a partition of it where one is named.
    Hub { name: String, partition: Option<String> },
}

impl Node {
    /// Reads `hub`, `hub/Partitions/0`, `$cbs` and the same behind `amqps://host/`. `None` for what is none of it.
    pub fn read(address: &str) -> Option<Self> {
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

/// The entity that the resource of a token names; empty for all of the namespace.
pub fn entity(resource: &str) -> &str {
    let path = resource.split_once("://").map_or(resource, |(_, rest)| rest);
    path.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_ways_of_writing_an_address() {
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
            assert_eq!(Node::read(address), node, "{address}");
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
}
