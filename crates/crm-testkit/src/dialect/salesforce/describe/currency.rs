//! What an org has only if it uses several currencies.

/// The type that lists them.
pub(super) const KIND: &[(&str, &str, &str, &str, &str)] =
    &[("CurrencyType", "Currency Types", "01L", "a", CURRENCY_TYPE)];

/// The types whose records have a currency.
pub(super) const KINDS: &[&str] = &["Account", "Contact", "Lead", "Opportunity"];
/// The field that says which.
pub(super) const NAME: &str = "CurrencyIsoCode";
/// The same in the compact form.
pub(super) const FIELD: &str = "CurrencyIsoCode picklist 3 cundsfgr";

/// Name, type, length, flags, and where it belongs or points.
const CURRENCY_TYPE: &str = "
Id id 18 disfg
IsoCode picklist 3 sfg
ConversionRate double 18.6 sf
DecimalPlaces int 0 sfg
IsActive boolean 0 dsfg
IsCorporate boolean 0 dsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
";
