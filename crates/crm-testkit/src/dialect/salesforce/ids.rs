//! Record ids: a type's three characters, the org's three, a number in base 62, and a checksum.

use std::fmt::Write;

/// The digits of an id, in the order of their values and of their bytes.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The letters of the checksum.
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
/// What stands between type and number in every id of this org.
const POD: &str = "Fk0";
/// How many digits the number has.
const PLACES: usize = 9;

/// Returns the long id of a record.
pub(super) fn long(prefix: &str, key: u64) -> String {
    let mut places = [b'0'; PLACES];
    let mut rest = key;
    for place in places.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        rest /= 62;
    }
    let number: String = places.iter().map(|digit| char::from(*digit)).collect();
    let mut id = format!("{prefix}{POD}{number}");
    let check = checksum(&id);
    let _infallible = id.write_str(&check);
    id
}

/// Returns the three characters that make a short id safe where case is lost.
fn checksum(short: &str) -> String {
    let mut letters = String::with_capacity(3);
    for group in short.as_bytes().chunks(5) {
        let bits = group.iter().enumerate();
        let bits = bits.filter(|(_, byte)| byte.is_ascii_uppercase());
        let index = bits.fold(0_usize, |sum, (place, _)| sum | (1 << place));
        letters.push(CHECK.get(index).copied().map_or('A', char::from));
    }
    letters
}

/// Returns the long form of a short or long id; `None` if it is neither.
pub(super) fn lengthened(id: &str) -> Option<String> {
    let shaped = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match (shaped, id.len()) {
        (true, 15) => Some(format!("{id}{}", checksum(id))),
        (true, 18) => {
            let (short, check) = id.split_at(15);
            if checksum(short) == check.to_ascii_uppercase() {
                return Some(format!("{short}{}", checksum(short)));
            }
            // A long id survives the loss of case; the checksum says which letters were large.
            let one_case = short.bytes().all(|byte| !byte.is_ascii_uppercase())
                || short.bytes().all(|byte| !byte.is_ascii_lowercase());
            let restored = one_case.then(|| restored(short, check)).flatten()?;
            let own = checksum(&restored);
            own.eq_ignore_ascii_case(check).then(|| format!("{restored}{own}"))
        }
        _ => None,
    }
}

fn restored(short: &str, check: &str) -> Option<String> {
    let mut id = String::with_capacity(15);
    for (group, letter) in short.as_bytes().chunks(5).zip(check.bytes()) {
        let letter = letter.to_ascii_uppercase();
        let bits = CHECK.iter().position(|known| *known == letter)?;
        for (place, byte) in group.iter().enumerate() {
            let upper = bits & (1 << place) != 0;
            if upper && !byte.is_ascii_alphabetic() {
                return None;
            }
            let byte = if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            id.push(char::from(byte));
        }
    }
    Some(id)
}

/// Returns the number in a long id of this org; `None` for an id of another.
pub(super) fn key(id: &str) -> Option<u64> {
    let number = id.get(3..15)?.strip_prefix(POD)?;
    let mut key: u64 = 0;
    for byte in number.bytes() {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        key = key.checked_mul(62)?.checked_add(u64::try_from(digit).ok()?)?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::{key, lengthened, long};

    #[test]
    fn checksum_of_a_known_id() {
        assert_eq!(lengthened("001dM00003kRs59").as_deref(), Some("001dM00003kRs59QAC"));
    }

    #[test]
    fn a_long_id_survives_the_loss_of_case() {
        let id = lengthened("001dM00003kRs59QAC").unwrap();
        assert_eq!(lengthened(&id.to_ascii_lowercase()), Some(id.clone()));
        assert_eq!(lengthened(&id.to_ascii_uppercase()), Some(id));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "001", "001dM00003kRs5", "001dM00003kRs59QA", "001dM00003kRs59AAA", "a b"]
        {
            assert_eq!(lengthened(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_come_back_and_ids_sort_like_them() {
        let mut before = String::new();
        for number in [1, 9, 10, 35, 36, 61, 62, 4_000, 99_999_999] {
            let id = long("003", number);
            assert_eq!(id.len(), 18);
            assert_eq!(key(&id), Some(number));
            assert!(before < id);
            before = id;
        }
        assert_eq!(key("003dM00003kRs59QAC"), None);
    }
}
