//! Which fakes a sandbox runs: one account of a vendor, or several.

use std::fmt;

use super::Vendor;

/// The most accounts of one vendor.
const ACCOUNTS_MAX: u16 = 9;
/// How far apart the ports of one vendor's accounts are.
const PORTS: u16 = 10;
/// How far apart the record numbers of one vendor's accounts begin.
const KEYS: u64 = 1_000_000_000;

/// An account at a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Counted from 1.
    number: u16,
    vendor: Vendor,
}

impl From<Vendor> for Account {
    /// Returns the vendor's first account.
    fn from(vendor: Vendor) -> Self {
        Self { number: 1, vendor }
    }
}

impl Account {
    /// Returns the account of a connection's name: `hubspot`, or `hubspot-2` for another one of
    /// the same vendor.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(vendor) = Vendor::named(name) {
            return Some(vendor.into());
        }
        let (vendor, number) = name.rsplit_once('-')?;
        let number = number.parse().ok().filter(|number| (2..=ACCOUNTS_MAX).contains(number))?;
        let account = Self { number, vendor: Vendor::named(vendor)? };
        // `hubspot-02` is no other name of `hubspot-2`.
        (account.name() == name).then_some(account)
    }

    /// Returns the vendor.
    pub const fn vendor(self) -> Vendor {
        self.vendor
    }

    /// Returns the connection's name.
    pub fn name(self) -> String {
        self.to_string()
    }

    /// Returns a variable's name: that of the vendor's, with the number in it.
    pub(super) fn variable(self, rest: &str) -> String {
        self.name().to_ascii_uppercase().replace('-', "_") + "_" + rest
    }

    /// Returns a text of this account's own, such as a token.
    pub(super) fn own(self, text: &str) -> String {
        if self.number == 1 { text.to_owned() } else { format!("{text}-{}", self.number) }
    }

    /// Returns the port, counted from the base.
    pub(super) const fn place(self) -> u16 {
        self.vendor.place() + (self.number - 1) * PORTS
    }

    /// Returns how far behind those of the first account the record numbers begin.
    pub(super) fn keys(self) -> u64 {
        u64::from(self.number - 1) * KEYS
    }

    /// Returns the account's number among the vendor's, counted from 0.
    pub(super) fn nth(self) -> u64 {
        u64::from(self.number - 1)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => f.write_str(self.vendor.name()),
            number => write!(f, "{}-{number}", self.vendor.name()),
        }
    }
}
