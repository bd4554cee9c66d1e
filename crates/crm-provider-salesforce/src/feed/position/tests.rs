//! Where a feed goes, page by page.

use crm_core::Cursor;
use crm_core::round::read;

use super::*;

const OVERLAP: Duration = Duration::from_mins(1);
const LAG: Duration = Duration::from_secs(10);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn seen(now: i64, last: Option<(i64, &str)>, more: bool) -> Seen {
    let last = last.map(|(stamp, id)| Place { stamp: at(stamp), id: id.to_owned() });
    Seen { now: at(now), last, more }
}

fn filter(position: &Changes, feed: Feed) -> String {
    format!("{:?}", Changes::ask(Some(position), feed, OVERLAP, None).filter)
}

#[test]
fn polling_begins_where_the_walk_began() {
    let walk = Changes::advance(None, Feed::Changes, &seen(0, Some((-5, "003b")), true), LAG);
    assert!(walk.more());
    let ask = Changes::ask(Some(&walk), Feed::Changes, OVERLAP, None);
    assert_eq!(ask.filter, Some(Filter::After(ID, Literal::text("003b"))));
    assert_eq!(ask.order_by, &[ID]);
    let poll = Changes::advance(Some(walk), Feed::Changes, &seen(500, None, false), LAG);
    assert!(!poll.more());
    let from = Filter::From(STAMP, Literal::Moment(at(-60)));
    assert_eq!(Changes::ask(Some(&poll), Feed::Changes, OVERLAP, None).filter, Some(from));
}

#[test]
fn a_window_ends_where_it_was_opened_and_only_then_moves_the_mark() {
    let start = Changes::Poll { mark: Watermark::begin(at(0)), window: None };
    let page = seen(100, Some((99, "003c")), true);
    let open = Changes::advance(Some(start), Feed::Changes, &page, LAG);
    assert!(open.more());
    assert!(filter(&open, Feed::Changes).contains("UpTo"));
    let done = Changes::advance(Some(open), Feed::Changes, &seen(160, None, false), LAG);
    let settled = Watermark { settled: at(90), polled: at(100) };
    assert_eq!(done, Changes::Poll { mark: settled, window: None });
}

#[test]
fn a_fresh_look_leaves_the_settled_mark() {
    let start = Changes::Poll { mark: Watermark::begin(at(0)), window: None };
    let looked = Changes::advance(Some(start), Feed::Fresh, &seen(50, None, false), LAG);
    let mark = Watermark { settled: at(0), polled: at(50) };
    assert_eq!(looked, Changes::Poll { mark, window: None });
    // One second earlier: what was committed later in the second of the last look.
    let from = Filter::From(STAMP, Literal::Moment(at(49)));
    assert_eq!(Changes::ask(Some(&looked), Feed::Fresh, OVERLAP, None).filter, Some(from));
}

#[test]
fn only_a_fresh_look_leaves_out_our_own_writes() {
    let own = Some("005000000000001AAA");
    let leaves_out = |position: Option<&Changes>, feed| {
        let ask = Changes::ask(position, feed, OVERLAP, own);
        format!("{:?}", ask.filter).contains(AUTHOR)
    };
    let walk = Changes::Walk { began: at(0), after: "003b".to_owned() };
    let poll = Changes::Poll { mark: Watermark::begin(at(0)), window: None };
    let open =
        |feed| Changes::advance(Some(poll.clone()), feed, &seen(50, Some((49, "003d")), true), LAG);
    let (fresh, full) = (open(Feed::Fresh), open(Feed::Changes));
    assert!(leaves_out(Some(&poll), Feed::Fresh));
    assert!(leaves_out(Some(&fresh), Feed::Fresh));
    // A full poll that was begun counts as full to its end.
    let others = [
        (None, Feed::Fresh),
        (Some(&walk), Feed::Fresh),
        (Some(&full), Feed::Fresh),
        (Some(&poll), Feed::Changes),
        (Some(&full), Feed::Changes),
    ];
    for (position, feed) in others {
        assert!(!leaves_out(position, feed), "{position:?} {feed:?}");
    }
}

#[test]
fn an_open_fresh_window_gives_way_to_a_full_one() {
    let start = Changes::Poll { mark: Watermark::begin(at(0)), window: None };
    let page = seen(50, Some((49, "003d")), true);
    let open = Changes::advance(Some(start), Feed::Fresh, &page, LAG);
    assert!(!open.clone().widened(Feed::Changes).more());
    assert_eq!(open.clone().widened(Feed::Fresh), open);
    assert!(read::<Changes>(Some(&Cursor("x".to_owned()))).is_err());
}

const DAY: i64 = 24 * 3_600;

#[test]
fn the_log_is_read_once_a_day() {
    let first = Deletions::after_bin(None, &seen(0, None, false), LAG);
    assert!(!first.more());
    let soon = Deletions::after_bin(Some(first.clone()), &seen(DAY - 1, None, false), LAG);
    assert!(!soon.more());
    let later = Deletions::after_bin(Some(first), &seen(DAY, None, false), LAG);
    assert!(later.more());
    let ask = Deletions::ask(Some(&later), OVERLAP);
    assert_eq!(ask, DeletionsAsk::Log { start: at(-60), end: at(DAY) });
    // The vendor cut the seconds off: the next log begins where this one ended.
    let done = later.after_log(Some(at(DAY - 30)));
    assert!(!done.more());
    let next = Deletions::after_bin(Some(done), &seen(2 * DAY, None, false), LAG);
    let ask = Deletions::ask(Some(&next), OVERLAP);
    assert_eq!(ask, DeletionsAsk::Log { start: at(DAY - 90), end: at(2 * DAY) });
}

#[test]
fn the_log_reaches_back_fifteen_days_and_says_so() {
    let first = Deletions::after_bin(None, &seen(0, None, false), LAG);
    let short = Deletions::after_bin(Some(first.clone()), &seen(14 * DAY, None, false), LAG);
    assert!(!short.log_has_gap());
    let long = Deletions::after_bin(Some(first), &seen(20 * DAY, None, false), LAG);
    assert!(long.log_has_gap());
    let DeletionsAsk::Log { start, end } = Deletions::ask(Some(&long), OVERLAP) else {
        panic!("the log is due");
    };
    assert!(end.duration_since(start) < SignedDuration::from_hours(15 * 24));
}

#[test]
fn a_log_that_is_too_long_is_halved_until_it_fits() {
    let first = Deletions::after_bin(None, &seen(0, None, false), LAG);
    let mut position = Deletions::after_bin(Some(first), &seen(DAY, None, false), LAG);
    let mut halvings = 0;
    while position.more() {
        position = position.halve_log(OVERLAP);
        halvings += 1;
        assert!(halvings < 20, "it ends");
    }
    assert!(halvings > 5);
}
