//! The difference between two texts, line by line.

use std::fmt::Write;

/// Lines of both texts in order: two spaces before a common line, `-` before one of `old` alone, `+` before one of `new` alone.
pub fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let common = common_lines(&old, &new);
    let (mut at_old, mut at_new, mut text) = (0, 0, String::new());
    while at_old < old.len() || at_new < new.len() {
        let is_common = at_old < old.len() && at_new < new.len() && old[at_old] == new[at_new];
        let prefers_old =
            at_new == new.len() || at_old < old.len() && common[at_old + 1][at_new] >= common[at_old][at_new + 1];
        let (sign, line) = match (is_common, prefers_old) {
            (true, _) => (' ', old[at_old]),
            (false, true) => ('-', old[at_old]),
            (false, false) => ('+', new[at_new]),
        };
        at_old += usize::from(sign != '+');
        at_new += usize::from(sign != '-');
        writeln!(text, "{sign} {line}").expect("a String can grow");
    }
    text
}

/// The length of the longest common subsequence of `old[i..]` and `new[j..]`, at `[i][j]`.
fn common_lines(old: &[&str], new: &[&str]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] = match old[i] == new[j] {
                true => lengths[i + 1][j + 1] + 1,
                false => lengths[i + 1][j].max(lengths[i][j + 1]),
            };
        }
    }
    lengths
}

#[test]
fn a_changed_line_is_shown_between_its_neighbours() {
    assert_eq!(lines("a\nb\nc\n", "a\nB\nc\nd\n"), "  a\n- b\n+ B\n  c\n+ d\n");
    assert_eq!(lines("", "a\n"), "+ a\n");
    assert_eq!(lines("a\n", ""), "- a\n");
}
