//! How far two names are apart, so that the right one can be proposed for a wrong one.

/// How many letters have to be added, removed, replaced, or swapped with the next one to make one text of the other.
pub fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (to, wanted) in other.iter().enumerate() {
            let replaced = rows[at][to] + usize::from(letter != wanted);
            let mut least = replaced.min(rows[at][to + 1] + 1).min(row[to] + 1);
            if at > 0 && to > 0 && one[at - 1] == *wanted && *letter == other[to - 1] {
                least = least.min(rows[at - 1][to - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_of_the_pen_counts_once() {
        for (one, other, expected) in [
            ("", "", 0),
            ("user", "user", 0),
            ("usr", "user", 1),
            ("uesr", "user", 1),
            ("xuserx", "user", 2),
            ("é", "e", 1),
        ] {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
