//! Invented people, seeded, and how a population is spread over the sandbox's CRMs.

mod csv;
mod invent;
mod names;
mod spread;

pub use self::csv::{BadLine, from_csv};
pub use self::invent::invent;
pub(crate) use self::invent::phone;
pub(crate) use self::names::{COMPANIES, PLACES};
pub use self::spread::spread;

/// One invented person, or one line of a CSV file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Given name.
    pub first_name: String,
    /// Family name; empty for a few.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number in some spelling.
    pub phone: String,
    /// The company's name as a text.
    pub company: String,
    /// Position.
    pub job_title: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// Region or state.
    pub region: String,
    /// Postal code.
    pub postal_code: String,
    /// Country's name.
    pub country: String,
}
