//! A path into the sender's event: a JSON pointer (RFC 6901) with two kinds of step more.
//!
//! | step | what it leads to |
//! |---|---|
//! | `name` | the member of that name of an object; a number also the element at that position of a list |
//! | `*` | each element of a list |
//! | `[member=value]` | the first element of a list that has this member with this value, or an object that has it |
//! | `[member]` | the same with any value |
//!
//! Promises that the text of a path reads back as the same path. Knows no event.

use std::fmt;

/// Steps from the event to a value, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Each,
    Select(Selector),
}

/// Which element of a list, or whether an object, is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector {
    pub member: String,
    /// Never empty; `None` for any value.
    pub value: Option<String>,
}

impl Path {
    pub const MAX_BYTES: usize = 4 << 10;
    pub const MAX_STEPS: usize = 16;

    /// Reads a path, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Path, String> {
        if text.len() > Path::MAX_BYTES {
            return Err(format!("has {} bytes, more than {}", text.len(), Path::MAX_BYTES));
        }
        let steps = text.strip_prefix('/').ok_or("must start with `/`")?;
        let count = steps.split('/').count();
        if count > Path::MAX_STEPS {
            return Err(format!("has {count} steps, more than {}", Path::MAX_STEPS));
        }
        steps.split('/').map(Step::parse).collect::<Result<_, _>>().map(Path)
    }

    /// The path to a member of the event itself.
    pub fn to_member(name: &str) -> Path {
        Path(vec![Step::Member(name.to_owned())])
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Member(name) => write!(f, "/{}", escaped(name))?,
                Step::Each => f.write_str("/*")?,
                Step::Select(Selector { member, value: None }) => write!(f, "/[{}]", escaped(member))?,
                Step::Select(Selector { member, value: Some(value) }) => {
                    write!(f, "/[{}={}]", escaped(member), escaped(value))?;
                }
            }
        }
        Ok(())
    }
}

impl Step {
    fn parse(text: &str) -> Result<Step, String> {
        if text == "*" {
            return Ok(Step::Each);
        }
        let Some(selector) = text.strip_prefix('[') else { return unescaped(text).map(Step::Member) };
        let selector = selector
            .strip_suffix(']')
            .ok_or_else(|| format!("has a step `{text}` without its `]` (write a `/` within a step as `~1`)"))?;
        let (member, value) = match selector.split_once('=') {
            Some((member, value)) => (member, Some(unescaped(value)?.trim().to_owned())),
            None => (selector, None),
        };
        if member.is_empty() || value.as_ref().is_some_and(String::is_empty) {
            return Err(format!("has a step `{text}`, expected `[member=value]` or `[member]`"));
        }
        Ok(Step::Select(Selector { member: unescaped(member)?, value }))
    }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut parts = text.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            _ => return Err(format!("has a step `{text}`, in which `~` is not followed by `0` or `1`")),
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Ok(plain)
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_from_its_text() {
        let paths = [
            "/user",
            "/user/id",
            "/",
            "/a//b",
            "/items/0/sku",
            "/items/*/sku",
            "/*",
            "/a~1b/m~0n/~01",
            "/event_params/[key=ga_session_id]/value/int_value",
            "/[type=track]/properties/[product_id]",
            "/[a~1b=c=d~1]",
            "/c%d/e^f/g|h/ /k\"l/ü",
        ];
        for path in paths {
            assert_eq!(Path::parse(path).map(|path| path.to_string()).as_deref(), Ok(path));
        }
        let Ok(path) = Path::parse("/~01/[a~1=b = c ]") else { panic!("a path") };
        let selector = Selector { member: "a/".into(), value: Some("b = c".into()) };
        assert_eq!(path.steps(), [Step::Member("~1".into()), Step::Select(selector)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let steps = |count: usize| "/a".repeat(count);
        let cases = [
            ("user/id", "must start with `/`"),
            ("", "must start with `/`"),
            ("/a~2", "has a step `a~2`, in which `~` is not followed by `0` or `1`"),
            ("/a~", "has a step `a~`, in which `~` is not followed by `0` or `1`"),
            ("/[=x]", "has a step `[=x]`, expected `[member=value]` or `[member]`"),
            ("/[x=]", "has a step `[x=]`, expected `[member=value]` or `[member]`"),
            ("/[]", "has a step `[]`, expected `[member=value]` or `[member]`"),
            ("/[x=a/b]", "has a step `[x=a` without its `]` (write a `/` within a step as `~1`)"),
            (&steps(17), "has 17 steps, more than 16"),
            (&steps(2_049), "has 4098 bytes, more than 4096"),
        ];
        for (path, expected) in cases {
            assert_eq!(Path::parse(path), Err(expected.to_owned()), "{path}");
        }
        assert!(Path::parse(&steps(16)).is_ok());
    }
}
