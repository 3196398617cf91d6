//! Which names the Functions host accepts.

/// A function (folder) name: `^[a-z][a-z0-9_\-]{0,127}$` in any case, and not `host`.
pub fn is_function_name(name: &str) -> bool {
    matches(name, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        && !name.eq_ignore_ascii_case("host")
}

/// A binding name: `^[a-zA-Z][a-zA-Z0-9]{0,127}$`, or the return value.
pub fn is_binding_name(name: &str) -> bool {
    name == "$return" || matches(name, |character| character.is_ascii_alphanumeric())
}

fn matches(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.len() <= 128 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_names_follow_the_hosts_pattern() {
        let longest = "a".repeat(128);
        for name in ["ingest", "Ingest-2_b", "a", longest.as_str()] {
            assert!(is_function_name(name), "{name}");
        }
        let too_long = "a".repeat(129);
        for name in ["", "1st", "_a", "a.b", "a b", "żaba", "host", "Host", too_long.as_str()] {
            assert!(!is_function_name(name), "{name}");
        }
    }

    #[test]
    fn binding_names_have_neither_underscore_nor_hyphen() {
        for name in ["events", "A1", "$return"] {
            assert!(is_binding_name(name), "{name}");
        }
        for name in ["", "a_b", "a-b", "1a", "$result"] {
            assert!(!is_binding_name(name), "{name}");
        }
    }
}
