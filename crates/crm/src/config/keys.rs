//! Known keys, and the nearest one to a slip of the pen.

/// Returns the known word that is nearest to a wrong one, if any is near.
pub(super) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(wrong, word), word))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}

/// Returns what to do about a wrong word.
pub(super) fn advice(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Returns a key in its one spelling: snake case, known other names replaced.
pub(super) fn canonical(key: &str) -> String {
    let snake = crm_core::schema::snake_case(key).replace('-', "_");
    match snake.as_str() {
        "sync_interval" => "sync_interval_ms".to_owned(),
        "conflict_policy" => "conflict_resolution".to_owned(),
        _ => snake,
    }
}
