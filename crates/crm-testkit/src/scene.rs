//! An invented business: companies, people, deals and what was done about them, and how it is
//! spread over the sandbox's CRMs.
//!
//! Everything is named by what a person would know it by (a company by its domain, a person by the
//! address, a deal by its title), since ids are each CRM's own. What is on several sides refers
//! only to what is there too.

mod invent;
mod lay;

use crm_core::ObjectKind;

pub use self::lay::scenes;
use crate::people::Person;

/// What one CRM begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Companies.
    pub companies: Vec<Company>,
    /// People, each with the domain of the company that they work at, if it is there.
    pub people: Vec<(Person, Option<String>)>,
    /// Deals.
    pub deals: Vec<Deal>,
    /// Tasks, calls, meetings, notes, e-mails.
    pub activities: Vec<Activity>,
}

impl Scene {
    /// Returns a scene of people alone.
    pub fn of(people: &[Person]) -> Self {
        let people = people.iter().map(|person| (person.clone(), None)).collect();
        Self { people, ..Self::default() }
    }
}

/// A company.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// Its name.
    pub name: String,
    /// Its web domain; no two have one.
    pub domain: String,
    /// Telephone number in some spelling.
    pub phone: String,
    /// City.
    pub city: String,
    /// Country's name.
    pub country: String,
    /// How many people work there.
    pub employees: u32,
}

/// Where a deal stands, as all CRMs know it; each has stages of its own for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It was just met.
    #[default]
    New,
    /// There is something to it.
    Qualified,
    /// An offer was made.
    Proposal,
    /// It was won.
    Won,
    /// It was lost.
    Lost,
}

/// A deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deal {
    /// What it is about; no two are called the same.
    pub title: String,
    /// The amount, a decimal number.
    pub amount: String,
    /// Where it stands.
    pub stage: Stage,
    /// Which of the CRM's stages of that sense, counted from 0 and over and over.
    pub variant: usize,
    /// The day on which it should be closed.
    pub close: String,
    /// The company's domain.
    pub company: Option<String>,
    /// The addresses of the people concerned.
    pub people: Vec<String>,
}

/// What an activity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Something to do.
    #[default]
    Task,
    /// A telephone call.
    Call,
    /// A meeting.
    Meeting,
    /// An e-mail.
    Email,
    /// A note; Salesforce has no place for them.
    Note,
}

/// Something done or to be done. Nothing tells two of them for one, so each is on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// What it is.
    pub sort: Sort,
    /// What it is about; no two have the same.
    pub subject: String,
    /// The text; it has the subject in it.
    pub body: String,
    /// When it begins, is due, or happened.
    pub at: String,
    /// When it ends.
    pub ends: String,
    /// Whether it is done.
    pub progress: Progress,
    /// How long it took.
    pub duration_s: u32,
    /// The addresses of the people concerned.
    pub people: Vec<String>,
    /// The company's domain; not with a deal, since Salesforce has one place for both.
    pub company: Option<String>,
    /// The deal's title.
    pub deal: Option<String>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nobody began.
    #[default]
    Open,
    /// It is done.
    Done,
}

/// Which kinds a population has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(Vec<ObjectKind>);

impl Kinds {
    /// Returns a choice of kinds.
    pub fn new(kinds: &[ObjectKind]) -> Self {
        Self(kinds.to_vec())
    }

    /// Returns whether a kind is among them.
    pub fn has(&self, kind: ObjectKind) -> bool {
        self.0.contains(&kind)
    }

    /// Returns their names with commas between them, in the order of references.
    pub fn names(&self) -> String {
        let named = ObjectKind::ALL.iter().filter(|kind| self.has(**kind));
        named.map(|kind| kind.name()).collect::<Vec<_>>().join(",")
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::new(&ObjectKind::ALL)
    }
}
