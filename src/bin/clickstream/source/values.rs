//! Finds where one JSON value ends and the next begins, in text that has several of them: one after another, over several
//! lines, or as the elements of an array.
//!
//! Promises that a value which is not JSON costs itself, and not those after it, where a later line starts with `{`. Looks at
//! brackets, strings and commas only, in one pass and without recursion: whether a value is valid, the functions decide.

/// What a byte means for the value that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The value continues after it.
    Inside,
    /// It is the last byte of the value.
    Last,
    /// The value has ended before it.
    Ended,
    /// No JSON value continues with it.
    Broken,
}

/// What an object or list may continue with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Key,
    Colon,
    Value,
    Comma,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    List,
}

/// The bytes of one value so far.
#[derive(Debug, Default)]
pub struct ValueScanner {
    open: Vec<Open>,
    expected: Option<Expected>,
    is_in_string: bool,
    is_escaped: bool,
    /// Within a number, `true`, `false` or `null`.
    is_in_word: bool,
}

impl ValueScanner {
    pub fn step(&mut self, byte: u8) -> Step {
        if self.is_in_string {
            return self.in_string(byte);
        }
        if self.is_in_word {
            if !matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"') && !byte.is_ascii_whitespace() {
                return Step::Inside;
            }
            self.is_in_word = false;
            if self.open.is_empty() {
                return Step::Ended;
            }
        }
        match byte {
            byte if byte.is_ascii_whitespace() => Step::Inside,
            b'"' => self.string(),
            b'{' => self.opened(Open::Object),
            b'[' => self.opened(Open::List),
            b'}' => self.closed(Open::Object),
            b']' => self.closed(Open::List),
            b':' => self.after(Expected::Colon, Expected::Value),
            b',' => self.comma(),
            _ => self.word(),
        }
    }

    fn in_string(&mut self, byte: u8) -> Step {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => {
                self.is_in_string = false;
                if self.open.is_empty() {
                    return Step::Last;
                }
            }
            // A line end in a string is an escape in JSON, so this one ends text that was cut off.
            b'\n' => return Step::Broken,
            _ => {}
        }
        Step::Inside
    }

    fn string(&mut self) -> Step {
        self.is_in_string = true;
        match self.expected {
            Some(Expected::Key) => self.after(Expected::Key, Expected::Colon),
            _ => self.value(),
        }
    }

    fn word(&mut self) -> Step {
        self.is_in_word = true;
        self.value()
    }

    fn opened(&mut self, open: Open) -> Step {
        let step = self.value();
        self.open.push(open);
        self.expected = Some(if open == Open::Object { Expected::Key } else { Expected::Value });
        step
    }

    /// A missing value or a comma too many is left for the parser to reject.
    fn closed(&mut self, closed: Open) -> Step {
        if self.open.pop() != Some(closed) {
            return Step::Broken;
        }
        self.expected = Some(Expected::Comma);
        if self.open.is_empty() { Step::Last } else { Step::Inside }
    }

    fn comma(&mut self) -> Step {
        let next = if self.open.last() == Some(&Open::Object) { Expected::Key } else { Expected::Value };
        self.after(Expected::Comma, next)
    }

    fn value(&mut self) -> Step {
        match self.expected {
            // The first byte of all.
            None => {
                self.expected = Some(Expected::Comma);
                Step::Inside
            }
            Some(_) => self.after(Expected::Value, Expected::Comma),
        }
    }

    fn after(&mut self, now: Expected, next: Expected) -> Step {
        if self.open.is_empty() || self.expected != Some(now) {
            return Step::Broken;
        }
        self.expected = Some(next);
        Step::Inside
    }
}

/// What has to be done with a byte of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It stands between values.
    Between,
    /// It belongs to a value, which may be the first byte of it.
    Inside,
    /// It is the last byte of a value.
    Last,
    /// The value before it has ended; the byte has to be given again.
    Ended,
}

/// Where the text is.
#[derive(Debug)]
enum Place {
    Between,
    Value(ValueScanner),
    /// In a value that is not JSON. It extends to the next line that starts with `{` and is not indented further.
    Broken,
}

/// Cuts a text into values, byte by byte.
#[derive(Debug)]
pub struct ValueCutter {
    place: Place,
    /// The top level is a list, whose elements are the values.
    is_in_list: bool,
    /// Bytes of blanks at the start of the current line; `None` after anything else.
    indent: Option<usize>,
    line_indent: usize,
    /// Of the line on which the current value started.
    value_indent: usize,
    /// Lines before the current byte.
    pub lines: u64,
}

impl ValueCutter {
    pub fn new() -> Self {
        ValueCutter {
            place: Place::Between,
            is_in_list: false,
            indent: Some(0),
            line_indent: 0,
            value_indent: 0,
            lines: 0,
        }
    }

    pub fn step(&mut self, byte: u8) -> Cut {
        let cut = match &mut self.place {
            Place::Between => self.between(byte),
            Place::Value(scanner) => match scanner.step(byte) {
                Step::Inside => Cut::Inside,
                Step::Last => Cut::Last,
                Step::Ended => Cut::Ended,
                Step::Broken => {
                    self.place = Place::Broken;
                    self.broken(byte)
                }
            },
            Place::Broken => self.broken(byte),
        };
        if matches!(cut, Cut::Last | Cut::Ended) {
            self.place = Place::Between;
        }
        if cut != Cut::Ended {
            self.count(byte);
        }
        cut
    }

    fn between(&mut self, byte: u8) -> Cut {
        match byte {
            byte if byte.is_ascii_whitespace() => return Cut::Between,
            b',' => return Cut::Between,
            b'[' if !self.is_in_list => {
                self.is_in_list = true;
                return Cut::Between;
            }
            b']' if self.is_in_list => {
                self.is_in_list = false;
                return Cut::Between;
            }
            _ => {}
        }
        self.value_indent = self.indent.unwrap_or(self.line_indent);
        let mut scanner = ValueScanner::default();
        let starts_a_value = self.is_in_list || matches!(byte, b'{' | b'[');
        self.place = match scanner.step(byte) {
            Step::Inside if starts_a_value => Place::Value(scanner),
            _ => Place::Broken,
        };
        Cut::Inside
    }

    fn broken(&mut self, byte: u8) -> Cut {
        let is_restart = byte == b'{' && self.indent.is_some_and(|indent| indent <= self.value_indent);
        if is_restart { Cut::Ended } else { Cut::Inside }
    }

    fn count(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.lines += 1;
                self.indent = Some(0);
            }
            byte if byte.is_ascii_whitespace() => self.indent = self.indent.map(|indent| indent + 1),
            _ => {
                self.line_indent = self.indent.take().unwrap_or(self.line_indent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `text`, each with the line on which it starts.
    fn values(text: &str) -> Vec<(u64, &str)> {
        let (mut cutter, mut found, mut start) = (ValueCutter::new(), Vec::new(), None);
        let mut at = 0;
        while at < text.len() {
            let line = cutter.lines + 1;
            match cutter.step(text.as_bytes()[at]) {
                Cut::Between => {}
                Cut::Inside => _ = start.get_or_insert((line, at)),
                Cut::Last => {
                    let (line, from) = start.take().unwrap_or((line, at));
                    found.push((line, &text[from..=at]));
                }
                Cut::Ended => {
                    let (line, from) = start.take().unwrap();
                    found.push((line, text[from..at].trim_end()));
                    continue;
                }
            }
            at += 1;
        }
        found.extend(start.map(|(line, from)| (line, text[from..].trim_end())));
        found
    }

    #[test]
    fn values_follow_each_other_in_any_way() {
        assert_eq!(
            values(r#"{"a":1}{"b":[2,{}]} {"c":"}{"}"#),
            [(1, r#"{"a":1}"#), (1, r#"{"b":[2,{}]}"#), (1, r#"{"c":"}{"}"#)]
        );
        assert_eq!(
            values("{\n  \"a\": 1\n}\n\n{\n  \"b\": \"\\\"\"\n}\n"),
            [(1, "{\n  \"a\": 1\n}"), (5, "{\n  \"b\": \"\\\"\"\n}")]
        );
    }

    #[test]
    fn elements_of_a_list_are_values() {
        assert_eq!(
            values("[{\"a\":1},\n {\"b\":[{}]}, null, 7,\"x\" ]"),
            [(1, "{\"a\":1}"), (2, "{\"b\":[{}]}"), (2, "null"), (2, "7"), (2, "\"x\"")]
        );
        assert_eq!(values("[]"), []);
        assert_eq!(values("[{}]\n[{},{}]"), [(1, "{}"), (2, "{}"), (2, "{}")]);
        assert_eq!(values("[{\"a\":1},{\"b\""), [(1, "{\"a\":1}"), (1, "{\"b\"")], "a list that was cut off");
    }

    #[test]
    fn a_value_that_is_not_json_costs_itself_alone() {
        let lost_bracket = "{\n  \"a\": [\n    {\"x\": 1}\n{\n  \"b\": 2\n}\n";
        assert_eq!(values(lost_bracket), [(1, "{\n  \"a\": [\n    {\"x\": 1}"), (4, "{\n  \"b\": 2\n}")]);
        let lost_quote = "{\n \"a\": \"x\n}\n{\n \"b\": 2\n}";
        assert_eq!(values(lost_quote), [(1, "{\n \"a\": \"x\n}"), (4, "{\n \"b\": 2\n}")]);
        let in_a_list = "[\n  {\n    \"a\" 1,\n    \"b\": {\n    }\n  },\n  {\n    \"c\": 3\n  }\n]";
        assert_eq!(values(in_a_list)[1], (7, "{\n    \"c\": 3\n  }"));
        assert_eq!(values("{\"a\":1}\nnot json\n\n{\"b\":2}\n"), [(1, "{\"a\":1}"), (2, "not json"), (4, "{\"b\":2}")]);
        assert_eq!(
            values("{\"a\": tru}{\"b\":1,}"),
            [(1, "{\"a\": tru}"), (1, "{\"b\":1,}")],
            "for the parser to reject"
        );
    }
}
