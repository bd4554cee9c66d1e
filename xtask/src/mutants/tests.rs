use super::*;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn found() -> Table {
    let mut table = Table::default();
    table.add("running 1 test");
    table.add("test mutants::x ... killed\tguard-off\t1\t-\tdeletes::stops\tno limit");
    table.add("killed\tno-intent\t6\t5\tI6\tnot announced");
    table.add("killed\tno-wait\t12\t2199023255563\tI2\tnobody waits");
    table.add("survived\tsleeper\t10000\t-\t-\tnothing to see");
    table.add("baseline\t-\t9\t{7}\t-\tnothing");
    table
}

#[test]
fn a_page_keeps_what_was_found() {
    let page = found().markdown();
    assert!(page.contains("| `no-wait` | nobody waits | 2^41 + 11 | 12 | I2 |"), "{page}");
    assert!(page.contains("| `guard-off` | no limit | – |  | `deletes::stops` |"), "{page}");
    let read = Table::parse(&format!("# Tests\n\n{page}\nMore text.\n"));
    assert_eq!(read.markdown(), page);
    assert_eq!(read.seed("no-wait"), Some((1 << 41) + 11));
    assert_eq!((read.seed("guard-off"), read.survivors()), (None, vec!["sleeper"]));
    assert_eq!(Table::parse("# Tests\n").len(), 0);
}

#[test]
fn a_share_must_be_noticed_and_in_the_end_all() {
    let table = found();
    assert_eq!((table.killed(), table.len()), (3, 4));
    assert_eq!(judge(&table, SEEDS).unwrap_err().code, 1);
    let mut table = table;
    table.keep(|name| name != "sleeper");
    judge(&table, SEEDS_ALL).unwrap();
    assert!(found().text().contains("failed: {7}"));
}

#[test]
fn a_recorded_seed_is_begun_at() {
    let table = found();
    let names = |text| Request::parse(&words(text)).unwrap().names(&table).unwrap();
    assert_eq!(names(""), "all");
    assert_eq!(names("--only no-intent,no-wait"), "no-intent,no-wait");
    assert_eq!(names("--known --only no-intent"), "no-intent=5");
    assert_eq!(names("--known"), "guard-off,no-intent=5,no-wait=2199023255563,sleeper");
    let request = Request::parse(&words("--known")).unwrap();
    assert_eq!(request.seeds(), SEEDS_KNOWN);
    assert_eq!(request.names(&Table::default()).unwrap_err().code, 1);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    for text in ["--seeds", "--seeds few", "--sed 1", "--write --known", "--write --only x"] {
        assert_eq!(Request::parse(&words(text)).unwrap_err().code, 2, "{text}");
    }
}

#[test]
fn only_who_is_handed_a_compiler_compiles() {
    for text in ["", "mutants --known", "rustfmt --check"] {
        assert!(compiler(&words(text)).is_none(), "{text}");
    }
    assert!(compiler(&words("/somewhere/bin/rustc --version")).is_some());
}
