//! Users, the org itself, and who may see which field.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const USER: &str = "
Id id 18 disfg
Username string 80 isfg
LastName string 80 sfg in:Name
FirstName string 40 nsfg in:Name
Name string 121 sfg
CompanyName string 80 nsfg
Email email 128 isfg
Alias string 8 sfg
IsActive boolean 0 dsfg
TimeZoneSidKey picklist 40 sfgr
LocaleSidKey picklist 40 sfgr
LanguageLocaleKey picklist 40 sfgr
UserType picklist 40 nsfgr
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
";

/// The same for `Organization`.
pub(super) const ORGANIZATION: &str = "
Id id 18 disfg
Name string 80 sfg
Country string 80 nsfg
PrimaryContact string 80 nsfg
OrganizationType picklist 40 nsfgr
InstanceName string 5 nsfg
IsSandbox boolean 0 dsfg
TimeZoneSidKey picklist 40 sfgr
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
";

/// The same for `PermissionSet`.
pub(super) const PERMISSION_SET: &str = "
Id id 18 disfg
Name string 80 sfg
Label string 80 sfg
IsOwnedByProfile boolean 0 dsfg
IsCustom boolean 0 dsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
";

/// The same for `PermissionSetAssignment`.
pub(super) const PERMISSION_SET_ASSIGNMENT: &str = "
Id id 18 disfg
PermissionSetId reference 18 sfg to:PermissionSet as:PermissionSet
AssigneeId reference 18 sfg to:User as:Assignee
SystemModstamp datetime 0 dsf
";

/// The same for `FieldPermissions`.
pub(super) const FIELD_PERMISSIONS: &str = "
Id id 18 disfg
ParentId reference 18 csfg to:PermissionSet as:Parent
SobjectType string 40 csfg
Field string 255 csfg
PermissionsEdit boolean 0 cudsfg
PermissionsRead boolean 0 cudsfg
SystemModstamp datetime 0 dsf
";
