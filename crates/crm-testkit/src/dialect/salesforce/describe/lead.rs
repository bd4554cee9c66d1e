//! Lead: a person who is not a customer yet.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const LEAD: &str = "
Id id 18 disfg
IsDeleted boolean 0 dsfg
MasterRecordId reference 18 nsfg to:Lead as:MasterRecord
LastName string 80 cusfg in:Name
FirstName string 40 cunsfg in:Name
Salutation picklist 40 cunsfg in:Name
Name string 121 sfg
Title string 128 cunsfg
Company string 255 cusfg
Street textarea 255 cunsfg in:Address
City string 40 cunsfg in:Address
State string 80 cunsfg in:Address
PostalCode string 20 cunsfg in:Address
Country string 80 cunsfg in:Address
Latitude double 18.15 cunsf in:Address
Longitude double 18.15 cunsf in:Address
GeocodeAccuracy picklist 40 cunsfgr in:Address
Address address 0 nf
Phone phone 40 cunsfg
MobilePhone phone 40 cunsfg
Fax phone 40 cunsfg
Email email 80 cunisfg
Website url 255 cunsfg
PhotoUrl url 255 nsfg
Description textarea 32000 cun
LeadSource picklist 255 cunsfg
Status picklist 255 cudsfg
Industry picklist 255 cunsfg
Rating picklist 255 cunsfg
AnnualRevenue currency 18.0 cunsf
NumberOfEmployees int 0 cunsfg
OwnerId reference 18 cudsfg to:Group,User as:Owner
IsConverted boolean 0 cdsfg
ConvertedDate date 0 nsfg
ConvertedAccountId reference 18 nsfg to:Account as:ConvertedAccount
ConvertedContactId reference 18 nsfg to:Contact as:ConvertedContact
ConvertedOpportunityId reference 18 nsfg to:Opportunity as:ConvertedOpportunity
IsUnreadByOwner boolean 0 cudsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
LastActivityDate date 0 nsfg
LastViewedDate datetime 0 nsf
LastReferencedDate datetime 0 nsf
Jigsaw string 20 cunsfg
JigsawContactId string 20 nsfg
CleanStatus picklist 40 cunsfgr
CompanyDunsNumber string 9 cunsfg
DandbCompanyId reference 18 cunsfg to:DandBCompany as:DandbCompany
EmailBouncedReason string 255 unsfg
EmailBouncedDate datetime 0 unsf
IndividualId reference 18 cunsfg to:Individual as:Individual
";
