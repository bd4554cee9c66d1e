//! Whose turn it is.

use super::*;

type Numbers = Round<u32>;

fn read(cursor: Option<&Cursor>, feed: Feed) -> Numbers {
    Round::read(cursor, 2, feed).unwrap()
}

#[test]
fn each_source_is_read_to_its_end_before_the_next() {
    let mut round = read(None, Feed::Changes);
    assert_eq!((round.at(), round.position()), (0, None));
    assert!(round.advance(1, true));
    let mut round = read(Some(&round.cursor().unwrap()), Feed::Changes);
    assert_eq!((round.at(), round.position()), (0, Some(1)));
    assert!(round.advance(2, false), "the other one is still to be read");
    let mut round = read(Some(&round.cursor().unwrap()), Feed::Changes);
    assert_eq!((round.at(), round.position()), (1, None));
    assert!(!round.advance(7, false));
    let round = read(Some(&round.cursor().unwrap()), Feed::Changes);
    assert_eq!((round.at(), round.parts), (0, vec![Some(2), Some(7)]));
}

#[test]
fn a_round_that_was_begun_for_less_begins_anew_and_one_for_more_goes_on() {
    let mut fresh = read(None, Feed::Fresh);
    assert!(fresh.advance(1, false));
    let cursor = fresh.cursor().unwrap();
    assert_eq!(read(Some(&cursor), Feed::Fresh).at(), 1);
    assert_eq!(read(Some(&cursor), Feed::Changes).at(), 0);
    let mut full = read(None, Feed::Changes);
    assert!(full.advance(1, false));
    let goes_on = read(Some(&full.cursor().unwrap()), Feed::Fresh);
    assert_eq!((goes_on.at(), goes_on.feed(Feed::Fresh)), (1, Feed::Changes));
}

#[test]
fn one_source_keeps_its_plain_position() {
    let mut round: Numbers = Round::read(None, 1, Feed::Changes).unwrap();
    assert!(!round.advance(5, false));
    assert_eq!(round.cursor().unwrap(), Cursor("5".to_owned()));
    let again: Numbers = Round::read(Some(&Cursor("5".to_owned())), 1, Feed::Changes).unwrap();
    assert_eq!(again.position(), Some(5));
}
