//! Deliberate faults, to test the tests: a check that never fails proves nothing.
//!
//! Compiled only under `cfg(crm_mutants)`, which `cargo xtask mutants` sets in a target folder of
//! its own. A mutant breaks one rule at one place, where a line says `mutant!(Name, …)`; in every
//! other build that line is empty. Which one is at work is a field of the engine's options. From
//! there it goes through a variable of the thread: the pure half of the engine takes values only,
//! and an argument more in each of its functions would be seen in every build. It is enough, since
//! an engine under test and its one future stay on their thread.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

macro_rules! mutants {
    ($($name:ident: $breaks:literal,)*) => {
        /// What is broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $(#[doc = $breaks] $name,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns what is broken, in words.
            pub const fn breaks(self) -> &'static str {
                match self {
                    $(Self::$name => $breaks,)*
                }
            }
        }
    };
}

mutants! {
    // Reading.
    LagIgnored: "the watermark is the present, whatever the index still hides",
    CursorBeforeRows: "the cursor is committed before the rows of its page",
    StaleRows: "a row that was listed long ago counts as a read, and is overwritten",
    HintUnheeded: "a hint does not outdate the row that was listed before it",
    CoarseVersion: "an equal version says that nothing changed, however coarse it is",
    ReadTwice: "a listed row is news at every later decision",
    UnreadIsBlank: "a field that was not read counts as blank",
    DeletionsUnread: "what the feed of deletions says is overlooked",
    // Who is who.
    NoTwinCheck: "nobody is looked for before a create",
    DiscoveryDropped: "a record that is found while a create is under way is dropped",
    AmbiguityIgnored: "of several that share a key the first one is taken",
    ContradictionIgnored: "people who share a phone are one whatever their names",
    // The merge.
    FirstContactSilent: "a record that is met for the first time overwrites what it never saw",
    LossyEcho: "what a CRM made of our own value counts as an edit",
    LateWriteAcknowledged: "a write that landed late counts as the newest one",
    GoldenContendsAlways: "the golden value contends although a contender has seen it",
    LastArrivalWins: "of several contenders one is taken and nothing is logged",
    LosersUnlogged: "who loses a conflict is not logged",
    LoserAcknowledged: "who loses a conflict counts as up to date",
    BlankGuardOff: "a blank beats a value everywhere",
    RankInverted: "the lowest rank goes before the highest",
    EpsilonZero: "clocks are believed to the microsecond",
    StrictGuesses: "where nobody can tell who was later, nobody is asked",
    ManualDecided: "a conflict that a person was to decide is decided",
    OwnerIgnored: "the owner of a field has no more say than others",
    DirectionIgnored: "a side whose changes do not count is heard",
    FrozenWritten: "a frozen field is written",
    NeverThaws: "a conflict that ended by itself stays open",
    HistoryMissing: "a golden value is replaced without a row of history",
    OscillationUnseen: "a field may go to and fro for ever",
    // Writing.
    NoIntent: "an update is not announced",
    OpenIntentDropped: "an update of unknown fate is forgotten",
    AckBeforeWrite: "a value counts as written before it is sent",
    ShadowNotUpdated: "the shadow does not follow the answer to a write",
    RawComparison: "a record is compared with the golden value as it is spelled",
    RefusalOverlooked: "a field that the answer says was refused counts as written",
    RefusedForEver: "a refused field is sent again and again",
    RefusalParksRecord: "a refused field keeps the whole record back",
    RequiredCleared: "a field that must be there is cleared",
    BatchMixedUp: "the results of a batch are settled in another order",
    NoRecovery: "what a dead process left open is not looked at",
    PauseCountsAttempt: "work that waits for a connection uses attempts up",
    JournalRowMissing: "a write that was answered is not in the journal",
    LostWriteUnsigned: "a write whose answer was lost is not in the journal",
    // Creates.
    CreateResentBlindly: "a create of unknown fate is sent again without a look",
    OpenClaimRefused: "a create of unknown fate counts as refused",
    WaitIgnored: "nobody waits for a create that may still land",
    BaseFromRecord: "the base of a record that we made is what is found there",
    // Deletes and merges.
    DeletedMadeAgain: "a record that users deleted is made again",
    TombstoneIgnored: "an entity without any record goes on living",
    RestoredKeepsBase: "a record that comes back is compared with what it showed before",
    MergeSeenAsDelete: "a record that was merged counts as deleted",
    MergeKeepsBase: "the survivor of a merge is compared with what the other one showed",
    MovedKeepsAck: "a record that moved to another entity counts as up to date",
    MovedBehind: "the records of a merged entity in other CRMs stay behind",
    EditedRecordDoomed: "a delete spreads to a record that was edited",
    HoldIgnored: "a delete spreads at once",
    // References.
    PendingNotStored: "nobody remembers that a reference waits",
    NobodyWoken: "a record that comes wakes nobody who waited for it",
    WaitingClears: "a reference that waits clears what is there",
    WaitingAcknowledged: "a reference that waits counts as written",
    DeadMemberRemoved: "who is deleted counts as taken out of every set",
    UnknownReferenceClears: "a reference to a record that nobody knows counts as none",
    AddsForgotten: "a union of sets forgets what was added",
    RemovalsForgotten: "a union of sets forgets what was taken out",
    ReferencesUntranslated: "references are sent in our own words",
    // People and limits.
    StaleResolution: "a decision about what was shown earlier is carried out",
    ResolutionContended: "what a person saw when deciding contends again",
    RevertOverEdits: "taking a run back overwrites later edits",
    TouchedArchived: "taking a run back archives records that people worked on",
    GuardOff: "a run may delete as much as it likes",
    FenceIgnored: "a commit is accepted although its lease is over",
    RaceIgnored: "a commit is accepted although the row changed meanwhile",
}

/// The texts name no mutant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no mutant called `{0}`")]
pub struct UnknownMutant(String);

impl fmt::Display for Mutant {
    /// Writes the name in words with hyphens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        f.pad(&name)
    }
}

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        let found = Self::ALL.iter().find(|mutant| mutant.to_string() == name);
        found.copied().ok_or_else(|| UnknownMutant(name.to_owned()))
    }
}

thread_local! {
    static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Breaks everything on this thread in that way from now on, or nothing.
pub fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

/// Returns how everything on this thread is broken.
pub fn chosen() -> Option<Mutant> {
    CHOSEN.get()
}

/// Returns whether everything on this thread is broken in that way.
pub fn is(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}
