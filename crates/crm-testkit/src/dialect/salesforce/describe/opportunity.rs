//! Opportunity: a deal, and the people who have a part in it.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const OPPORTUNITY: &str = "
Id id 18 disfg
IsDeleted boolean 0 dsfg
AccountId reference 18 cunsfg to:Account as:Account
IsPrivate boolean 0 cudsfg
Name string 120 cuisfg
Description textarea 32000 cun
StageName picklist 255 cusfg
Amount currency 18.2 cunsf
Probability percent 3.0 cundsf
ExpectedRevenue currency 18.2 nsf
TotalOpportunityQuantity double 18.2 cunsf
CloseDate date 0 cusfg
Type picklist 255 cunsfg
NextStep string 255 cunsfg
LeadSource picklist 255 cunsfg
IsClosed boolean 0 dsfg
IsWon boolean 0 dsfg
ForecastCategory picklist 40 sfgr
ForecastCategoryName picklist 255 cundsfgr
CampaignId reference 18 cunsfg to:Campaign as:Campaign
HasOpportunityLineItem boolean 0 dsfg
Pricebook2Id reference 18 cundsfg to:Pricebook2 as:Pricebook2
OwnerId reference 18 cudsfg to:User as:Owner
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
LastActivityDate date 0 nsfg
LastStageChangeDate datetime 0 nsf
FiscalQuarter int 0 nsfg in:Fiscal
FiscalYear int 0 nsfg in:Fiscal
Fiscal string 6 nsfg
ContactId reference 18 cnsfg to:Contact
LastViewedDate datetime 0 nsf
LastReferencedDate datetime 0 nsf
HasOpenActivity boolean 0 dg
HasOverdueTask boolean 0 dg
LastAmountChangedHistoryId reference 18 nsfg to:OpportunityHistory
LastCloseDateChangedHistoryId reference 18 nsfg to:OpportunityHistory
";

/// The same for `OpportunityContactRole`.
pub(super) const OPPORTUNITY_CONTACT_ROLE: &str = "
Id id 18 disfg
OpportunityId reference 18 csfg to:Opportunity as:Opportunity
ContactId reference 18 cusfg to:Contact as:Contact
Role picklist 40 cunsfg
IsPrimary boolean 0 cudsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
IsDeleted boolean 0 dsfg
";
