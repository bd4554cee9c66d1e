//! Numbers of things as people say them: one conflict, two conflicts.

use std::fmt::Display;

/// Returns a number with its words, in the singular for exactly one.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(
    number: N,
    one: &str,
    many: &str,
) -> String {
    let words = if number == N::from(1) { one } else { many };
    format!("{number} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let told = |number: u64| counted(number, "conflict waits", "conflicts wait");
        assert_eq!(told(0), "0 conflicts wait");
        assert_eq!(told(1), "1 conflict waits");
        assert_eq!(told(2), "2 conflicts wait");
        assert_eq!(counted(1_usize, "person", "people"), "1 person");
    }
}
