//! The arguments of the commands that bring CRMs of their own.

use super::{PEOPLE_MAX, number, whole};

/// The last port that the fakes' own can follow.
const PORT_MAX: u16 = 65_529;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Demo {
    /// How many invented people
    #[arg(
        long,
        default_value_t = 400,
        value_name = "N",
        value_parser = some_people,
        allow_negative_numbers = true
    )]
    pub(crate) people: usize,
    /// Seed of the people and edits
    #[arg(
        long,
        default_value_t = 1,
        value_name = "S",
        value_parser = whole,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Sandbox {
    /// Which CRMs, with commas between them; hubspot-2 is a second account of one [default: hubspot,salesforce; there are zoho and salesflare, too]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) providers: Vec<String>,
    /// How many invented people to spread over them, with companies, deals and activities
    #[arg(
        long,
        default_value_t = 0,
        value_name = "N",
        value_parser = people,
        allow_negative_numbers = true
    )]
    pub(crate) people: usize,
    /// Seed of the people and faults
    #[arg(
        long,
        default_value_t = 1,
        value_name = "S",
        value_parser = whole,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Which kinds there are, with commas between them [default: company,contact,deal,activity]
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    pub(crate) kinds: Vec<String>,
    /// Load people from a CSV file into one CRM; may be repeated
    #[arg(long, value_name = "PROVIDER=FILE.csv")]
    pub(crate) load: Vec<String>,
    /// First port: control; the CRMs follow. 0 takes any that are free
    #[arg(
        long,
        default_value_t = 4_700,
        value_name = "P",
        value_parser = port,
        allow_negative_numbers = true
    )]
    pub(crate) port_base: u16,
    /// Milliseconds to wait before each answer
    #[arg(
        long,
        default_value_t = 0,
        value_name = "MS",
        value_parser = whole,
        allow_negative_numbers = true
    )]
    pub(crate) latency: u64,
    /// Weather: calm, rough, lag, quota or hostile; time then runs fifty times as fast
    #[arg(long, value_name = "PROFILE")]
    pub(crate) faults: Option<String>,
    /// Without the custom fields that a sync needs, as a new account is
    #[arg(long)]
    pub(crate) bare: bool,
}

/// Reads how many people a sandbox begins with.
fn people(text: &str) -> Result<usize, String> {
    number(text, 0, PEOPLE_MAX)
}

/// Reads how many people a demo is about.
fn some_people(text: &str) -> Result<usize, String> {
    if text == "0" {
        return Err("a demo needs at least 1 person".to_owned());
    }
    number(text, 1, PEOPLE_MAX)
}

fn port(text: &str) -> Result<u16, String> {
    number(text, 0, PORT_MAX)
}
