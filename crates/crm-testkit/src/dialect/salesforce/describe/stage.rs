//! The stages of deals, as Setup keeps them.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const OPPORTUNITY_STAGE: &str = "
Id id 18 disfg
MasterLabel string 255 nsfg
ApiName string 255 nsfg
IsActive boolean 0 dsfg
SortOrder int 0 nsfg
IsClosed boolean 0 dsfg
IsWon boolean 0 dsfg
ForecastCategory picklist 40 sfgr
ForecastCategoryName picklist 255 sfgr
DefaultProbability percent 3.0 nsf
Description string 255 nsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
";
