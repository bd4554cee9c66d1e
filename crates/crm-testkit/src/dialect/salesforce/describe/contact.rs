//! Contact: a person at a company.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const CONTACT: &str = "
Id id 18 disfg
IsDeleted boolean 0 dsfg
MasterRecordId reference 18 nsfg to:Contact as:MasterRecord
AccountId reference 18 cunsfg to:Account as:Account
LastName string 80 cusfg in:Name
FirstName string 40 cunsfg in:Name
Salutation picklist 40 cunsfg in:Name
Name string 121 sfg
OtherStreet textarea 255 cunsfg in:OtherAddress
OtherCity string 40 cunsfg in:OtherAddress
OtherState string 80 cunsfg in:OtherAddress
OtherPostalCode string 20 cunsfg in:OtherAddress
OtherCountry string 80 cunsfg in:OtherAddress
OtherLatitude double 18.15 cunsf in:OtherAddress
OtherLongitude double 18.15 cunsf in:OtherAddress
OtherGeocodeAccuracy picklist 40 cunsfgr in:OtherAddress
OtherAddress address 0 nf
MailingStreet textarea 255 cunsfg in:MailingAddress
MailingCity string 40 cunsfg in:MailingAddress
MailingState string 80 cunsfg in:MailingAddress
MailingPostalCode string 20 cunsfg in:MailingAddress
MailingCountry string 80 cunsfg in:MailingAddress
MailingLatitude double 18.15 cunsf in:MailingAddress
MailingLongitude double 18.15 cunsf in:MailingAddress
MailingGeocodeAccuracy picklist 40 cunsfgr in:MailingAddress
MailingAddress address 0 nf
Phone phone 40 cunsfg
Fax phone 40 cunsfg
MobilePhone phone 40 cunsfg
HomePhone phone 40 cunsfg
OtherPhone phone 40 cunsfg
AssistantPhone phone 40 cunsfg
ReportsToId reference 18 cunsfg to:Contact as:ReportsTo
Email email 80 cunisfg
Title string 128 cunsfg
Department string 80 cunsfg
AssistantName string 40 cunsfg
LeadSource picklist 255 cunsfg
Birthdate date 0 cunsfg
Description textarea 32000 cun
OwnerId reference 18 cudsfg to:User as:Owner
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
LastActivityDate date 0 nsfg
LastCURequestDate datetime 0 nsf
LastCUUpdateDate datetime 0 nsf
LastViewedDate datetime 0 nsf
LastReferencedDate datetime 0 nsf
EmailBouncedReason string 255 cunsfg
EmailBouncedDate datetime 0 cunsf
IsEmailBounced boolean 0 dsfg
PhotoUrl url 255 nsfg
Jigsaw string 20 cunsfg
JigsawContactId string 20 nsfg
CleanStatus picklist 40 cunsfgr
IndividualId reference 18 cunsfg to:Individual as:Individual
";
