//! Account: a company.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const ACCOUNT: &str = "
Id id 18 disfg
IsDeleted boolean 0 dsfg
MasterRecordId reference 18 nsfg to:Account as:MasterRecord
Name string 255 cusfg in:Name
Type picklist 40 cunsfg
ParentId reference 18 cunsfg to:Account as:Parent
BillingStreet textarea 255 cunsfg in:BillingAddress
BillingCity string 40 cunsfg in:BillingAddress
BillingState string 80 cunsfg in:BillingAddress
BillingPostalCode string 20 cunsfg in:BillingAddress
BillingCountry string 80 cunsfg in:BillingAddress
BillingLatitude double 18.15 cunsf in:BillingAddress
BillingLongitude double 18.15 cunsf in:BillingAddress
BillingGeocodeAccuracy picklist 40 cunsfgr in:BillingAddress
BillingAddress address 0 nf
ShippingStreet textarea 255 cunsfg in:ShippingAddress
ShippingCity string 40 cunsfg in:ShippingAddress
ShippingState string 80 cunsfg in:ShippingAddress
ShippingPostalCode string 20 cunsfg in:ShippingAddress
ShippingCountry string 80 cunsfg in:ShippingAddress
ShippingLatitude double 18.15 cunsf in:ShippingAddress
ShippingLongitude double 18.15 cunsf in:ShippingAddress
ShippingGeocodeAccuracy picklist 40 cunsfgr in:ShippingAddress
ShippingAddress address 0 nf
Phone phone 40 cunsfg
Fax phone 40 cunsfg
AccountNumber string 40 cunsfg
Website url 255 cunsfg
PhotoUrl url 255 nsfg
Sic string 20 cunsfg
Industry picklist 40 cunsfg
AnnualRevenue currency 18.0 cunsf
NumberOfEmployees int 0 cunsfg
Ownership picklist 40 cunsfg
TickerSymbol string 20 cunsfg
Description textarea 32000 cun
Rating picklist 40 cunsfg
Site string 80 cunsfg
OwnerId reference 18 cudsfg to:User as:Owner
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
LastActivityDate date 0 nsfg
LastViewedDate datetime 0 nsf
LastReferencedDate datetime 0 nsf
IsPartner boolean 0 udsfg
IsCustomerPortal boolean 0 udsfg
ChannelProgramName string 255 ng
ChannelProgramLevelName string 255 ng
Jigsaw string 20 cunsfg
JigsawCompanyId string 20 nsfg
CleanStatus picklist 40 cunsfgr
AccountSource picklist 40 cunsfg
DunsNumber string 9 cunsfg
Tradestyle string 255 cunsfg
NaicsCode string 8 cunsfg
NaicsDesc string 120 cunsfg
YearStarted string 4 cunsfg
SicDesc string 80 cunsfg
DandbCompanyId reference 18 cunsfg to:DandBCompany as:DandbCompany
OperatingHoursId reference 18 cunsfg to:OperatingHours as:OperatingHours
";
