//! The vendors that there are fakes of.

/// A vendor whose fake can run in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vendor {
    /// HubSpot.
    HubSpot,
    /// Salesforce.
    Salesforce,
    /// Zoho CRM.
    Zoho,
    /// Salesflare.
    Salesflare,
}

impl Vendor {
    /// All vendors, in the order of their ports.
    pub const ALL: [Self; 4] = [Self::HubSpot, Self::Salesforce, Self::Zoho, Self::Salesflare];

    /// Those that run if nobody says which.
    pub const USUAL: [Self; 2] = [Self::HubSpot, Self::Salesforce];

    /// Returns the vendor's name as connections spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
            Self::Zoho => "zoho",
            Self::Salesflare => "salesflare",
        }
    }

    /// Returns the vendor of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == name)
    }

    /// Returns the vendor's port, counted from the base; later vendors have theirs reserved.
    pub(super) const fn place(self) -> u16 {
        match self {
            Self::HubSpot => 1,
            Self::Salesforce => 2,
            Self::Zoho => 4,
            Self::Salesflare => 6,
        }
    }
}
