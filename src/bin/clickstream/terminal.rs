//! Output for people: tables, numbers, and a status line that is overwritten while a command runs.
//!
//! Does not know what the tables and lines are about.

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use std::io::{self, IsTerminal, Write};

/// Returns to the start of the line and erases it.
const ERASE_LINE: &str = "\r\x1b[2K";

/// Rows below `header`. All columns but the first are aligned to the right.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Sentences below `header`, wrapped at the width of the terminal.
pub fn text_table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_header(header).set_content_arrangement(ContentArrangement::Dynamic);
    table.add_rows(rows);
    table
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, groups.join(","))
}

/// `text` on one line, with escapes in place of what would control a terminal or reorder its letters.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                printable.extend(letter.escape_unicode());
            }
            letter if letter.is_control() => printable.extend(letter.escape_default()),
            letter => printable.push(letter),
        }
    }
    printable
}

/// One line on stderr that shows the present state. Without a terminal, each state is a line of its own.
///
/// A command continues when its terminal is gone, so errors of writing are ignored.
pub struct StatusLine {
    is_terminal: bool,
    /// The cursor is at the end of the status.
    is_shown: bool,
}

impl StatusLine {
    pub fn new() -> Self {
        StatusLine { is_terminal: io::stderr().is_terminal(), is_shown: false }
    }

    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Replaces the status.
    pub fn show(&mut self, status: &str) {
        if self.is_terminal {
            write(&format!("{ERASE_LINE}{status}"));
            self.is_shown = true;
        } else {
            write(&format!("{status}\n"));
        }
    }

    /// Prints a line that stays, in place of the status.
    pub fn print(&mut self, line: &str) {
        self.clear();
        write(&format!("{line}\n"));
    }

    /// Erases the status.
    pub fn clear(&mut self) {
        if self.is_shown {
            write(ERASE_LINE);
            self.is_shown = false;
        }
    }

    /// Lets the last status stay; the output continues below it.
    pub fn keep(&mut self) {
        if self.is_shown {
            write("\n");
            self.is_shown = false;
        }
    }
}

fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
