//! The command line.

mod fakes;

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand};
pub(crate) use fakes::{Demo, Sandbox};

/// The most invented people: they live in memory, on every side.
const PEOPLE_MAX: usize = 1_000_000;

const AFTER: &str = "\
A first sync: set HUBSPOT_API_KEY and SALESFORCE_CLIENT_ID/_SECRET (or write crm.toml), then
  crm check     are the accounts ready?
  crm plan      what would a sync do?
  crm sync      do it
Without an account: crm demo

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 done, and something is left: open conflicts,
parked records, work that waits";

const ABOUT_DEMO: &str = "\
The people are read, matched and brought in step; then both sides are edited, also the same
field, and a second round decides; a third round must find nothing to write.
Exit code 0 only if both CRMs then agree on every field.";
const ABOUT_SANDBOX: &str = "\
Prints the URLs and writes sandbox.env into this folder, for crm --env-file sandbox.env and for
any other client. docs/sandbox.md describes faults, CSV files and the control interface.";
const ABOUT_CHECK: &str = "\
Reads what each account says of itself; without --fix it changes nothing. Says also which
settings can have no effect. Exit code 1 if something keeps a sync from running.";
const ABOUT_PLAN: &str = "\
The first plan reads all records and keeps them in the store; crm sync goes on from there once
the plan is approved. Later plans read only what changed. With -o FILE every planned write is
written down, for crm apply FILE; the file holds customer data, and only you may read it.";
const ABOUT_APPLY: &str = "\
Asks first; where nobody can answer, it needs --yes. Records that changed since the plan was made
are left out and listed (exit code 3); if that are more than 5 and more than 1 %, nothing is
written. Run it again if it was interrupted: what is done is not done twice.";
const ABOUT_SYNC: &str = "\
The first sync shows its plan and asks; where nobody can answer, it needs --yes (or first_sync =
\"auto\" in the configuration). Later ones do not ask. Exit code 3: done, and something is left:
open conflicts, parked records, work that waits; crm status shows it.";
const ABOUT_STATUS: &str = "\
Reads the store alone: no request is sent and no credentials are needed, also while a sync runs.";

const ABOUT_EXPLAIN: &str = "\
Reads the store alone. For example: crm explain contact ada@mail.example phone";

const ABOUT_UNDO: &str = "\
Values that somebody edited since are left alone and listed, and so are records that somebody
touched. After the first sync was taken back, the next one needs a new approval. --plan shows what
would be done, and writes nothing. Exit code 3: done, and something is left as it is.";

const ABOUT_VERIFY: &str = "\
Reads every record and writes nothing to any CRM. What is known (open conflicts, refused values,
work that waits, changes that the next sync reads) counts apart and is no difference. --sample reads
some at random and says how sure the figures are. --repair marks what differs, syncs, and compares
again. Exit code 3: records differ.";

const ABOUT_ERASE: &str = "\
Without --yes it is only told what would be done. The store keeps keyed hashes of the address and
the record ids, so that the data is not taken in again. Deleted records lie in the recycle bin of
their CRM as long as it keeps them. For example: crm erase contact ada@mail.example --yes";

const ABOUT_AUDIT: &str = "\
Every entry covers the one before with its hash, so that a change of the past shows: crm audit
verify. The log holds no values of records. crm audit export prints one JSON object a line.";

const ABOUT_PROBLEMS: &str = "\
Ids may be abbreviated. A dismissed problem is hidden until the record's agreed values change.";

/// Keeps contacts, companies, deals and activities in step between CRMs, both ways.
const ABOUT_CONFLICTS: &str = "\
Reads the store alone: no request is sent and no credentials are needed. The next crm sync writes
what was decided. An id may be cut as long as no other one begins alike; what stands behind its @
names the state that was shown, and a decision about another state is refused.";

#[derive(Debug, Parser)]
#[command(name = "crm", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Args {
    /// Configuration file [default: crm.toml if it is there, else the environment alone]
    #[arg(long, global = true, value_name = "FILE", help_heading = "For every command")]
    pub(crate) config: Option<PathBuf>,
    /// File of variables (NAME='value'), read before the environment; may be repeated
    #[arg(
        long = "env-file",
        global = true,
        value_name = "FILE",
        help_heading = "For every command"
    )]
    pub(crate) env_files: Vec<PathBuf>,
    /// Tell more on stderr (-vv: even more)
    #[arg(
        short,
        long,
        global = true,
        action = clap::ArgAction::Count,
        help_heading = "For every command"
    )]
    pub(crate) verbose: u8,
    /// No colours and no moving bars, as with `NO_COLOR=1` in the environment
    #[arg(long, global = true, help_heading = "For every command")]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a whole synchronisation between two fake CRMs, without an account
    #[command(after_help = ABOUT_DEMO)]
    Demo(Demo),
    /// Run fake CRMs on this machine until interrupted
    #[command(after_help = ABOUT_SANDBOX)]
    Sandbox(Sandbox),
    /// Check connections, credentials and fields; with --fix, make what is missing
    #[command(after_help = ABOUT_CHECK)]
    Check(Check),
    /// Show what a sync would do; writes nothing to any CRM
    #[command(after_help = ABOUT_PLAN)]
    Plan(Plan),
    /// Carry a written plan out, that and nothing else
    #[command(after_help = ABOUT_APPLY)]
    Apply(Apply),
    /// Bring all CRMs in step
    #[command(after_help = ABOUT_SYNC)]
    Sync(Sync),
    /// Show what is stored: counts, runs, conflicts with their losers, parked records
    #[command(after_help = ABOUT_STATUS)]
    Status(Status),
    /// Show what needs a person's decision, and decide it
    #[command(after_help = ABOUT_CONFLICTS)]
    Conflicts(Conflicts),
    /// Show why a field has its value: source, time, rule, writes, conflicts, history
    #[command(after_help = ABOUT_EXPLAIN)]
    Explain(Explain),
    /// Take back what a run wrote, where nobody edited it since
    #[command(after_help = ABOUT_UNDO)]
    Undo(Undo),
    /// Compare all records with what is known, field by field; with --repair, mend what differs
    #[command(after_help = ABOUT_VERIFY)]
    Verify(Verify),
    /// Erase a person: from the store for good, and the records in the CRMs
    #[command(after_help = ABOUT_ERASE)]
    Erase(Erase),
    /// Show the log of everything that was done, check it, or export it
    #[command(after_help = ABOUT_AUDIT)]
    Audit(Audit),
    /// Show what could not be synchronised; try again, or dismiss it
    #[command(after_help = ABOUT_PROBLEMS)]
    Problems(Problems),
    /// List runs with what they did
    Runs(Runs),
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Check {
    /// Make the fields that are missing
    #[arg(long)]
    pub(crate) fix: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Write the plan to this file, for crm apply; it holds values of records
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Apply {
    /// The file that crm plan -o wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Approve the plan without being asked
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on although so many records were deleted in one CRM [default: 20, or 1 % of its records]
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Sync {
    /// Approve the first sync without being asked
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on although so many records were deleted in one CRM [default: 20, or 1 % of its records]
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<u64>,
    /// Stop before more records than this are made in one CRM
    #[arg(long, value_name = "N")]
    pub(crate) max_creates: Option<u64>,
    /// Stop before one field is changed in more records of one CRM than this
    #[arg(long, value_name = "N")]
    pub(crate) max_updates_per_field: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Status {
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Conflicts {
    #[command(subcommand)]
    pub(crate) command: ConflictsCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConflictsCommand {
    /// List open conflicts with every side's value
    List {
        /// List those that were decided, too
        #[arg(long)]
        all: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one conflict: the value before, every side with its time, the rule
    Show {
        /// Its id, as listed
        id: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Decide an open conflict
    Resolve(Resolve),
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Resolve {
    /// Its id, as listed
    pub(crate) id: String,
    /// Take the value of that CRM
    #[arg(
        long,
        value_name = "CONNECTION",
        required_unless_present = "value",
        conflicts_with = "value"
    )]
    pub(crate) take: Option<String>,
    /// Give the value; nothing behind the = clears the field
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) value: Option<String>,
    /// Who decides [default: the user of this machine]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Explain {
    /// What it is: company, contact, deal or activity
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Who: an e-mail address, an entity's id, or PROVIDER:RECORD
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// Only this field
    #[arg(value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Undo {
    /// Which run: its id, the beginning of it, or `last`; see crm runs
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Only show what would be done
    #[arg(long)]
    pub(crate) plan: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Verify {
    /// Read so many linked records of each kind, drawn at random, instead of all
    #[arg(long, value_name = "N", value_parser = some_records)]
    pub(crate) sample: Option<usize>,
    /// Let a sync mend what differs, and compare again
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub(crate) struct Erase {
    /// What it is: company, contact, deal or activity
    #[arg(value_name = "KIND", required_unless_present_any = ["list", "resume"])]
    pub(crate) kind: Option<String>,
    /// Who: an e-mail address, an entity's id, or PROVIDER:RECORD
    #[arg(value_name = "WHO", required_unless_present_any = ["list", "resume"])]
    pub(crate) who: Option<String>,
    /// Do it; it cannot be taken back
    #[arg(long)]
    pub(crate) yes: bool,
    /// Leave the records in the CRMs as they are
    #[arg(long)]
    pub(crate) keep_records: bool,
    /// List what was erased: when, and the hashes that are left
    #[arg(long, conflicts_with_all = ["kind", "who", "yes", "keep_records", "resume"])]
    pub(crate) list: bool,
    /// End what was begun and could not be ended
    #[arg(long, conflicts_with_all = ["kind", "who", "yes", "keep_records"])]
    pub(crate) resume: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Audit {
    /// Say whether anything was changed, or print all as JSON lines [default: show the newest]
    #[arg(value_enum, value_name = "WHAT")]
    pub(crate) what: Option<AuditWhat>,
    /// The most entries that are shown
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is done with the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AuditWhat {
    Verify,
    Export,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Problems {
    #[command(subcommand)]
    pub(crate) deed: ProblemDeed,
    /// Only problems of this class, as crm problems list names it
    #[arg(long, global = true, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Print as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with problems.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProblemDeed {
    /// List them by class, with counts
    List,
    /// Show one with all that is known
    Show {
        /// Its id, or the beginning of it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Let the next sync try them again
    Retry {
        /// Their ids; without, all of the class
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Hide them until the record's agreed values change
    Dismiss {
        /// Their ids; without, all of the class
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Runs {
    /// The most runs
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads how many records a sample has.
fn some_records(text: &str) -> Result<usize, String> {
    number(text, 1, PEOPLE_MAX)
}

fn number<T: Copy + FromStr + PartialOrd + Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("it must be a whole number from {least} to {most}"))
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_no_number| "it must be a whole number, not below 0".to_owned())
}
