//! The nearest known name to a misspelt one.

/// Returns the candidate closest to `word`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A third of the letters may be wrong; a name of one or two letters must be off by one only.
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let at = |rows: &[Vec<usize>], i: usize, j: usize| -> usize {
        rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(usize::MAX / 2)
    };
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        rows.push(vec![i]);
        for j in 1..=right.len() {
            let same = left.get(i - 1) == right.get(j - 1);
            let mut edits = (at(&rows, i - 1, j - 1) + usize::from(!same))
                .min(at(&rows, i - 1, j) + 1)
                .min(at(&rows, i, j - 1) + 1);
            if i > 1 && j > 1 {
                let swapped =
                    left.get(i - 1) == right.get(j - 2) && left.get(i - 2) == right.get(j - 1);
                if swapped {
                    edits = edits.min(at(&rows, i - 2, j - 2) + 1);
                }
            }
            if let Some(row) = rows.get_mut(i) {
                row.push(edits);
            }
        }
    }
    at(&rows, left.len(), right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("emial", "email", 1),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
    }

    #[test]
    fn finds_the_closest_and_nothing_far() {
        let names = ["first_name", "last_name", "email"];
        assert_eq!(nearest("frist_name", names), Some("first_name"));
        assert_eq!(nearest("emial", names), Some("email"));
        assert_eq!(nearest("emai", names), Some("email"));
        assert_eq!(nearest("phone", names), None);
    }
}
