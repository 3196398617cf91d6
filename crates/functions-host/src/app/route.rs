//! Route templates of HTTP functions: `users/{id}/{view?}`, `files/{*path}`, constraints such as `{id:int}`.
//!
//! Promises the matching of ASP.NET routes for these templates, and refuses all others. Knows no methods and no
//! functions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A route template, without the route prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// In lower case, because case does not matter.
    Literal(String),
    Number(String),
    Parameter(String),
    Optional(String),
    CatchAll(String),
}

impl Route {
    /// Parses a template such as `users/{id:int}`.
    ///
    /// # Errors
    /// Why the template is refused.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let segments = template.trim_matches('/').split('/').filter(|text| !text.is_empty());
        let segments: Vec<_> = segments
            .map(segment)
            .collect::<Result<_, _>>()
            .map_err(|reason| format!("route `{template}`: {reason}"))?;
        let open_ended = |segment: &Segment| matches!(segment, Segment::Optional(_) | Segment::CatchAll(_));
        match segments.iter().position(open_ended) {
            Some(at) if at + 1 < segments.len() => {
                Err(format!("route `{template}`: an optional or catch-all parameter must be the last segment"))
            }
            _ => Ok(Self { segments }),
        }
    }

    /// The parameters in `path`, which is percent-decoded and without the route prefix. `None` when the template does
    /// not match.
    pub(crate) fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let mut parameters = BTreeMap::new();
        for segment in &self.segments {
            let (name, value) = match segment {
                Segment::Literal(literal) => {
                    parts.next().filter(|part| part.to_lowercase() == *literal)?;
                    continue;
                }
                Segment::Number(name) => (name, parts.next().filter(|part| part.parse::<i64>().is_ok())?.to_owned()),
                Segment::Parameter(name) => (name, parts.next()?.to_owned()),
                Segment::Optional(name) => match parts.next() {
                    Some(part) => (name, part.to_owned()),
                    None => continue,
                },
                Segment::CatchAll(name) => (name, parts.by_ref().collect::<Vec<_>>().join("/")),
            };
            parameters.insert(name.clone(), value);
        }
        parts.next().is_none().then_some(parameters)
    }

    /// Orders the more specific of two matching routes first.
    pub(crate) fn specificity(&self, other: &Self) -> Ordering {
        self.segments.cmp(&other.segments)
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return match text.contains(['{', '}', '*', '?']) {
            true => Err(format!("`{text}` mixes text and parameters, which this host does not support")),
            false => Ok(Segment::Literal(text.to_lowercase())),
        };
    };
    if let Some(name) = inner.strip_prefix('*') {
        return Ok(Segment::CatchAll(name.to_owned()));
    }
    if let Some(name) = inner.strip_suffix('?') {
        return Ok(Segment::Optional(name.to_owned()));
    }
    match inner.split_once(':') {
        None => Ok(Segment::Parameter(inner.to_owned())),
        Some((name, "int" | "long")) => Ok(Segment::Number(name.to_owned())),
        Some((name, "alpha" | "guid" | "bool" | "datetime")) => Ok(Segment::Parameter(name.to_owned())),
        Some((_, constraint)) => Err(format!("constraint `{constraint}` is not supported by this host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(template: &str, path: &str) -> Option<String> {
        let parameters = Route::parse(template).unwrap().matches(path)?;
        Some(parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn templates_match_paths() {
        for (template, path, expected) in [
            ("Dashboard", "dashboard", Some("")),
            ("dashboard", "dashboard/x", None),
            ("users/{id:int}/{view?}", "users/7", Some("id=7")),
            ("users/{id:int}/{view?}", "users/7/full", Some("id=7 view=full")),
            ("users/{id:int}", "users/seven", None),
            ("files/{*path}", "files/a/b.txt", Some("path=a/b.txt")),
            ("{name}", "", None),
            ("", "", Some("")),
        ] {
            assert_eq!(matched(template, path).as_deref(), expected, "{template} against {path}");
        }
    }

    #[test]
    fn literal_segments_are_more_specific() {
        let routes = ["users/me", "users/{id:int}", "users/{id}", "users/{id?}", "users/{*rest}"];
        for pair in routes.windows(2) {
            let (first, second) = (Route::parse(pair[0]).unwrap(), Route::parse(pair[1]).unwrap());
            assert_eq!(first.specificity(&second), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn impossible_templates_are_refused() {
        for template in ["{*rest}/more", "{a?}/b", "v{version}", "{id:regex(a)}"] {
            assert!(Route::parse(template).is_err(), "{template}");
        }
    }
}
