//! Laws of the planner: what must hold of every decision, whatever the state it is made on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    Action, EntityId, Field, Fields, Normalizer, ObjectKind, ProviderId, Remote, RemoteId, RunId,
    TenantId, Value, Written,
};
use crm_store::{
    ConflictId, ConflictState, Entity, GoldenSlot, Link, LinkSlot, Provenance, Shadow, Slots,
};
use crm_sync::decide::settle::{Settled, settle};
use crm_sync::decide::standing::{Age, Standing, compare};
use crm_sync::decide::{Decision, Seen, State, Ties, decide};
use crm_sync::{Direction, Flow, Join, Policy, Rules, Topology};
use crm_testkit::memory::Profile;
use crm_testkit::memory::profile::{EAST, NORTH, SOUTH, WEST};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

/// Fields that are cut, lowered or compared by a key somewhere, and one that is required.
const FIELDS: [Field; 5] =
    [Field::PHONE, Field::FIRST_NAME, Field::LAST_NAME, Field::COMPANY, Field::JOB_TITLE];

/// Texts that several CRMs show alike although they are not.
const TEXTS: [&str; 6] =
    ["Alpha", "alpha", "Alphabet soup", "Alphabet song", "Beta 1", "+44 20 7946 0001"];

/// How far two stamps may differ without one being later: the skew that the rules allow.
const EPSILON: i64 = 2;

/// One field at one side.
#[derive(Clone, Copy, Debug)]
struct Cell {
    base: Base,
    /// What the side shows: `None` is what its shadow has, else a text, the last of them blank.
    shows: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Base {
    /// Nothing was ever read.
    None,
    /// It holds the golden value.
    InStep,
    /// It held that text, and has not seen the golden value.
    Behind(usize),
}

/// A state of the world, small enough to be told.
#[derive(Clone, Debug)]
struct World {
    policy: Policy,
    allow_clear: bool,
    sides: usize,
    /// By field: no golden value, or a text and the side that it came from.
    golden: Vec<Option<(usize, usize)>>,
    frozen: Option<usize>,
    /// By side and field.
    cells: Vec<Vec<Cell>>,
    /// By side, in seconds: when the record was changed. The last one is the golden record's.
    times: Vec<i64>,
    /// A side without a record.
    absent: Option<usize>,
}

fn base() -> impl Strategy<Value = Base> {
    prop_oneof![
        1 => Just(Base::None),
        3 => Just(Base::InStep),
        2 => (0..=TEXTS.len()).prop_map(Base::Behind),
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    let shows = prop_oneof![3 => Just(None), 2 => (0..=TEXTS.len()).prop_map(Some)];
    (base(), shows).prop_map(|(base, shows)| Cell { base, shows })
}

fn policies() -> Vec<Policy> {
    let owner = |side: usize| Policy::Owner(provider(side));
    vec![
        Policy::PrimaryWins,
        Policy::SecondaryWins,
        Policy::LatestWins,
        Policy::StrictLatest,
        Policy::MostComplete,
        owner(0),
        owner(1),
        Policy::Merged(Join::ByType),
        Policy::Manual,
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(policies())
}

prop_compose! {
    fn world()(
        policy in policy(),
        allow_clear in any::<bool>(),
        sides in 2..=4_usize,
        golden in prop::collection::vec(
            prop::option::weighted(0.8, (0..=TEXTS.len(), 0..2_usize)), FIELDS.len()),
        frozen in prop::option::weighted(0.1, 0..FIELDS.len()),
        cells in prop::collection::vec(prop::collection::vec(cell(), FIELDS.len()), 4),
        times in prop::collection::vec(0..12_i64, 5),
        absent in prop::option::weighted(0.2, 1..4_usize),
    ) -> World {
        World { policy, allow_clear, sides, golden, frozen, cells, times, absent }
    }
}

static PROFILES: [&Profile; 4] = [&NORTH, &SOUTH, &EAST, &WEST];

fn provider(side: usize) -> ProviderId {
    ProviderId::new(PROFILES[side].name)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + seconds).unwrap()
}

fn value(field: Field, text: usize) -> Option<Value> {
    let rule = NORTH.mapping.rule(field).unwrap();
    Normalizer::default().text(rule.ty, TEXTS.get(text)?)
}

fn projected(side: usize, field: Field, value: Option<&Value>) -> Option<Value> {
    let rule = PROFILES[side].mapping.rule(field).unwrap();
    value.and_then(|value| rule.project(value)).map(std::borrow::Cow::into_owned)
}

const VERSION: u64 = 5;

impl World {
    /// Compiles the rules with the sides in that order of rank.
    fn rules(&self, order: &[usize]) -> Rules {
        let flow = Flow {
            direction: Direction::Bidirectional,
            fields: Some(FIELDS.to_vec()),
            allow_clear: if self.allow_clear { FIELDS.to_vec() } else { Vec::new() },
            policy: self.policy.clone(),
            ..Flow::new(ObjectKind::Contact)
        };
        let topology = Topology {
            tenant: TenantId::default(),
            primary: provider(order[0]),
            secondary: order[1..].iter().map(|side| provider(*side)).collect(),
            flows: vec![flow.clone()],
        };
        let capabilities =
            order.iter().map(|side| (provider(*side), Arc::new(PROFILES[*side].capabilities())));
        Rules::compile(&topology, &flow, &capabilities.collect::<BTreeMap<_, _>>())
    }

    fn order(&self) -> Vec<usize> {
        (0..self.sides).collect()
    }

    #[expect(clippy::option_option, reason = "no golden value, or a blank one")]
    fn golden(&self, index: usize) -> Option<Option<Value>> {
        self.golden[index].map(|(text, _)| value(FIELDS[index], text))
    }

    fn entity(&self) -> Entity {
        let id = EntityId::from_uuid(Uuid::from_u128(7));
        let mut entity = Entity::new(id, ObjectKind::Contact);
        entity.version = VERSION;
        entity.row_version = 3;
        for (index, golden) in self.golden.iter().enumerate() {
            let Some((text, source)) = golden else { continue };
            let provenance = Provenance {
                version: VERSION,
                source: Some(provider(*source)),
                at: Some(at(self.times[4])),
                run: RunId::from_uuid(Uuid::nil()),
            };
            let value = value(FIELDS[index], *text);
            entity.golden.set(FIELDS[index], GoldenSlot { value, provenance });
        }
        if let Some(index) = self.frozen
            && self.golden[index].is_some()
        {
            entity.golden.freeze(FIELDS[index], ConflictId::derive(id, FIELDS[index], VERSION));
        }
        for side in self.order().into_iter().filter(|side| Some(*side) != self.absent) {
            let mut link = Link::new(provider(side), RemoteId::new(format!("r{side}")));
            let slots = FIELDS.iter().enumerate();
            link.slots =
                Slots::from_slots(slots.map(|(i, field)| (*field, self.slot(side, i))).collect());
            entity.set_link(link);
        }
        entity
    }

    fn slot(&self, side: usize, index: usize) -> LinkSlot {
        let field = FIELDS[index];
        let (shadow, ack) = match (self.cells[side][index].base, self.golden(index)) {
            (Base::None, _) => (Shadow::None, 0),
            (Base::InStep, Some(golden)) => {
                (Shadow::of(projected(side, field, golden.as_ref())), VERSION)
            }
            (Base::InStep, None) => (Shadow::Blank, 0),
            (Base::Behind(text), _) => {
                (Shadow::of(projected(side, field, value(field, text).as_ref())), VERSION - 1)
            }
        };
        LinkSlot { shadow, ack, refused: None }
    }

    fn shown(&self, side: usize, index: usize) -> Option<Value> {
        let field = FIELDS[index];
        match self.cells[side][index].shows {
            None => self.slot(side, index).shadow.value().cloned(),
            Some(text) => projected(side, field, value(field, text).as_ref()),
        }
    }

    fn remote(&self, side: usize) -> Remote {
        let shown = FIELDS.iter().enumerate();
        let fields: Fields =
            shown.filter_map(|(i, field)| Some((*field, self.shown(side, i)?))).collect();
        remote(side, fields, at(self.times[side]))
    }

    fn state(&self, order: &[usize]) -> State {
        let seen = order.iter().map(|side| {
            if Some(*side) == self.absent { Seen::Unread } else { Seen::Fresh(self.remote(*side)) }
        });
        let run = RunId::from_uuid(Uuid::from_u128(1));
        State::new(self.entity(), seen.collect(), at(100), run)
    }

    fn decide(&self) -> Decision {
        let order = self.order();
        decide(self.state(&order), &self.rules(&order))
    }
}

fn remote(side: usize, fields: Fields, modified: Timestamp) -> Remote {
    Remote {
        kind: ObjectKind::Contact,
        id: RemoteId::new(format!("r{side}")),
        version: None,
        modified_at: Some(modified),
        author: None,
        uid: None,
        aliases: Vec::new(),
        read: FIELDS.into(),
        fields,
    }
}

/// Carries the writes of a decision out, at sides that do what their tables say.
fn carry_out(decision: Decision, rules: &Rules, seen: &mut [Seen]) -> Entity {
    let mut entity = decision.entity;
    for (index, write) in decision.writes {
        let mut fields = match &seen[index] {
            Seen::Fresh(remote) => remote.fields.clone(),
            Seen::Unread
            | Seen::Listed(_)
            | Seen::Gone
            | Seen::MergedInto { .. }
            | Seen::Absent
            | Seen::Closed => Fields::new(),
        };
        let changes: Vec<(Field, Option<Value>)> = match &write.action {
            Action::Create { fields, .. } => {
                fields.iter().map(|(field, value)| (field, Some(value.clone()))).collect()
            }
            Action::Update { patch, .. } => {
                patch.iter().map(|(field, value)| (field, value.cloned())).collect()
            }
            Action::Delete { .. } => Vec::new(),
        };
        for (field, value) in changes {
            fields.set(field, projected(index, field, value.as_ref()));
        }
        let record = remote(index, fields, at(100));
        let written = Written::new(record.id.clone());
        let settled =
            settle(&mut entity, rules, &Ties::default(), index, &write, Ok(written), at(100));
        assert_eq!(settled, Settled::Applied);
        seen[index] = Seen::Fresh(record);
    }
    entity
}

fn is_logged(decision: &Decision, field: Field, value: Option<&Value>) -> bool {
    let conflicts = decision.conflicts.iter().filter(|conflict| conflict.field == field);
    conflicts.flat_map(|c| &c.contenders).any(|contender| contender.value.as_ref() == value)
}

/// The set rule of `latest_wins` by hand: those within ε of the latest, and the highest rank
/// among them.
fn latest(bids: &[(usize, i64, Option<Value>)]) -> Option<Value> {
    let newest = bids.iter().map(|(_, time, _)| *time).max()?;
    let near = bids.iter().filter(|(_, time, _)| *time >= newest - EPSILON);
    near.min_by_key(|(rank, _, _)| *rank).and_then(|(_, _, value)| value.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_was_carried_out_needs_nothing_more(world in world()) {
        let order = world.order();
        let rules = world.rules(&order);
        let State { mut seen, now, run, .. } = world.state(&order);
        let entity = carry_out(world.decide(), &rules, &mut seen);
        let golden = entity.golden.clone();
        let again = decide(State::new(entity, seen, now, run), &rules);
        prop_assert_eq!(&again.writes, &[]);
        prop_assert_eq!(&again.history, &[]);
        prop_assert!(again.reread.is_empty());
        prop_assert_eq!(&again.entity.golden, &golden);
        let decided = again.conflicts.iter().filter(|c| c.state == ConflictState::Auto).count();
        prop_assert_eq!(decided, 0);
    }

    #[test]
    fn the_same_state_gives_the_same_decision(world in world()) {
        prop_assert_eq!(format!("{:?}", world.decide()), format!("{:?}", world.decide()));
    }

    /// Where times are far enough apart, the latest change wins at whatever rank.
    #[test]
    fn ranks_do_not_matter_where_time_decides(world in world(), turn in 1..4_usize) {
        let mut world = World { policy: Policy::LatestWins, ..world };
        for (rank, time) in world.times.iter_mut().enumerate() {
            *time = *time * 60 + i64::try_from(rank).unwrap() * 5;
        }
        let mut order = world.order();
        let straight = decide(world.state(&order), &world.rules(&order));
        order.rotate_left(turn % world.sides);
        let turned = decide(world.state(&order), &world.rules(&order));
        for field in FIELDS {
            prop_assert_eq!(
                straight.entity.golden.value(field),
                turned.entity.golden.value(field),
                "{}", field
            );
        }
    }

    #[test]
    fn nothing_is_written_that_must_not_be(world in world()) {
        let decision = world.decide();
        for (side, write) in &decision.writes {
            let Action::Update { patch, .. } = &write.action else { continue };
            for (field, value) in patch.iter() {
                let rule = PROFILES[*side].mapping.rule(field);
                prop_assert!(rule.is_some_and(|rule| rule.writable), "{field} is not mapped");
                prop_assert!(FIELDS.contains(&field), "{field} is not kept in step");
                let golden = &decision.entity.golden;
                prop_assert_eq!(golden.frozen(field), None, "{} is frozen", field);
                prop_assert_eq!(value, golden.value(field));
                prop_assert!(value.is_some() || !rule.unwrap().required, "{field} is required");
            }
        }
        for (index, field) in FIELDS.into_iter().enumerate() {
            let before = world.golden(index).flatten();
            if before.is_some() && !world.allow_clear {
                prop_assert!(decision.entity.golden.value(field).is_some(), "a blank won {field}");
            }
        }
    }

    #[test]
    fn a_listed_row_is_read_again_before_it_is_overwritten(world in world()) {
        let order = world.order();
        let rules = world.rules(&order);
        let state = world.state(&order);
        let listed = state.seen.iter().map(|seen| {
            if let Seen::Fresh(remote) = seen { Seen::Listed(remote.clone()) } else { seen.clone() }
        });
        let listed = State { seen: listed.collect(), ..state.clone() };
        let update = |(_, write): &&(usize, crm_core::Write)| {
            matches!(write.action, Action::Update { .. })
        };
        let (fresh, listed) = (decide(state, &rules), decide(listed, &rules));
        prop_assert_eq!(listed.writes.iter().filter(update).count(), 0);
        for (side, _) in fresh.writes.iter().filter(update) {
            prop_assert!(listed.reread.contains(side), "side {side} is written unread");
        }
    }

    #[test]
    fn whoever_loses_is_logged(world in world()) {
        let decision = world.decide();
        for (index, field) in FIELDS.into_iter().enumerate() {
            let golden = world.golden(index);
            let now = decision.entity.golden.value(field);
            for side in world.order().into_iter().filter(|side| Some(*side) != world.absent) {
                let (slot, shown) = (world.slot(side, index), world.shown(side, index));
                let echo = golden.as_ref().is_some_and(|golden| {
                    projected(side, field, golden.as_ref()) == shown
                });
                // A blank at first contact has nothing to say.
                let mute = slot.shadow == Shadow::None && shown.is_none();
                if slot.shadow.is(shown.as_ref()) || echo || mute {
                    continue;
                }
                let won = now == shown.as_ref();
                prop_assert!(
                    won || golden.is_none() && shown.is_none()
                        || is_logged(&decision, field, shown.as_ref()),
                    "{field}: {shown:?} of side {side} is gone"
                );
            }
            let Some(golden) = golden.filter(|golden| golden.as_ref() != now) else { continue };
            let unseen = !decision.history.is_empty() && {
                let aware = |side: usize| {
                    let (slot, shown) = (world.slot(side, index), world.shown(side, index));
                    slot.ack == VERSION && !slot.shadow.is(shown.as_ref())
                };
                !world.order().into_iter().any(|s| Some(s) != world.absent && aware(s))
            };
            if unseen {
                prop_assert!(is_logged(&decision, field, golden.as_ref()), "{field}: {golden:?}");
            }
        }
    }

    #[test]
    fn latest_wins_is_the_set_rule(world in world()) {
        let world = World { policy: Policy::LatestWins, frozen: None, ..world };
        let decision = world.decide();
        for (index, field) in FIELDS.into_iter().enumerate() {
            let (golden, mut bids, mut aware) = (world.golden(index), Vec::new(), false);
            for side in world.order().into_iter().filter(|side| Some(*side) != world.absent) {
                let (slot, shown) = (world.slot(side, index), world.shown(side, index));
                let echo = projected(side, field, golden.clone().flatten().as_ref()) == shown;
                let first = slot.shadow == Shadow::None;
                let guarded = shown.is_none() && (first || !world.allow_clear);
                if !slot.shadow.is(shown.as_ref()) && !echo && !guarded {
                    aware |= !first && slot.ack == VERSION;
                    bids.push((2 * side, world.times[side], shown));
                }
            }
            if bids.is_empty() {
                let expected = golden.flatten();
                prop_assert_eq!(decision.entity.golden.value(field), expected.as_ref());
                continue;
            }
            if let (Some(golden), Some((_, source)), false) = (&golden, world.golden[index], aware) {
                // At the rank of its source, behind a fresh change of that side.
                bids.push((2 * source + 1, world.times[4], golden.clone()));
            }
            let expected = latest(&bids);
            prop_assert_eq!(decision.entity.golden.value(field), expected.as_ref(), "{}", field);
        }
    }

    /// The drift audit has no notion of its own of what is equal: what it calls astray a decision
    /// changes, and where it finds nothing a decision changes nothing.
    #[test]
    fn the_audit_finds_what_a_decision_would_change(world in world()) {
        let (rules, before, decision) =
            (world.rules(&world.order()), world.entity(), world.decide());
        let mut calm = world.frozen.is_none();
        for side in world.order().into_iter().filter(|side| Some(*side) != world.absent) {
            let remote = world.remote(side);
            let name = provider(side);
            let slot = |entity: &Entity, field| entity.link(&name)?.slots.slot(field).cloned();
            compare(&before, side, &remote, &rules, Age::Old, |field, standing| {
                let written = decision.writes.iter().any(|(index, _)| *index == side);
                let astray = matches!(standing, Standing::Astray(_));
                let changed = slot(&before, field) != slot(&decision.entity, field);
                let logged = decision.conflicts.iter().any(|conflict| conflict.field == field);
                assert!(!astray || changed || written || logged, "{field} at {name}");
                calm &= !astray;
            });
        }
        if calm {
            let others = decision.writes.iter().filter(|(side, _)| Some(*side) != world.absent);
            prop_assert_eq!(others.count(), 0);
            for field in FIELDS {
                let golden = decision.entity.golden.value(field);
                prop_assert_eq!(golden, before.golden.value(field));
            }
        }
    }
}
