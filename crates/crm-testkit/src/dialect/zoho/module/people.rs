//! Leads, accounts and contacts: name, type, length, flags, where it points, what it offers.
//!
//! Flags: `m` mandatory, `r` read only, `u` unique, `-` none of them.

/// Somebody who may become a contact.
pub(super) const LEADS: &str = "
Owner ownerlookup 120 -
Company text 200 m
First_Name text 40 -
Last_Name text 80 m
Full_Name text 80 r
Designation text 100 -
Email email 100 -
Phone phone 30 -
Mobile phone 30 -
Fax text 30 -
Website website 255 -
Lead_Source picklist 120 - = -None-|Advertisement|Cold Call|Employee Referral|Partner|Web Research
Lead_Status picklist 120 - = -None-|Not Contacted|Contacted|Lost Lead|Pre-Qualified
Industry picklist 120 - = -None-|Communications|Education|Technology|Transport
No_of_Employees integer 9 -
Annual_Revenue currency 16 -
Rating picklist 120 - = -None-|Acquired|Active|Market Failed
Street text 250 -
City text 100 -
State text 100 -
Zip_Code text 30 -
Country text 100 -
Description textarea 32000 -
Email_Opt_Out boolean 5 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
Last_Activity_Time datetime 120 r
";

/// A company.
pub(super) const ACCOUNTS: &str = "
Owner ownerlookup 120 -
Account_Name text 200 m
Account_Number bigint 19 -
Account_Type picklist 120 - = -None-|Analyst|Competitor|Customer|Partner|Prospect|Supplier
Account_Site text 80 -
Parent_Account lookup 120 - to:Accounts
Phone phone 30 -
Fax text 30 -
Website website 255 -
Industry picklist 120 - = -None-|Communications|Education|Technology|Transport
Annual_Revenue currency 16 -
Employees integer 9 -
Ownership picklist 120 - = -None-|Private|Public|Subsidiary
Rating picklist 120 - = -None-|Acquired|Active|Market Failed
SIC_Code integer 9 -
Ticker_Symbol text 30 -
Billing_Street text 250 -
Billing_City text 100 -
Billing_State text 100 -
Billing_Code text 30 -
Billing_Country text 100 -
Shipping_Street text 250 -
Shipping_City text 100 -
Shipping_State text 100 -
Shipping_Code text 30 -
Shipping_Country text 100 -
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
Last_Activity_Time datetime 120 r
";

/// A person.
pub(super) const CONTACTS: &str = "
Owner ownerlookup 120 -
Salutation picklist 120 - = -None-|Mr.|Mrs.|Ms.|Dr.|Prof.
First_Name text 40 -
Last_Name text 80 m
Full_Name text 80 r
Account_Name lookup 120 - to:Accounts
Email email 100 -
Secondary_Email email 100 -
Phone phone 30 -
Mobile phone 30 -
Home_Phone phone 30 -
Other_Phone phone 30 -
Asst_Phone phone 30 -
Fax text 30 -
Title text 100 -
Department text 30 -
Assistant text 50 -
Reporting_To lookup 120 - to:Contacts
Lead_Source picklist 120 - = -None-|Advertisement|Cold Call|Employee Referral|Partner|Web Research
Date_of_Birth date 20 -
Email_Opt_Out boolean 5 -
Skype_ID text 50 -
Twitter text 50 -
Mailing_Street text 250 -
Mailing_City text 100 -
Mailing_State text 100 -
Mailing_Zip text 30 -
Mailing_Country text 100 -
Other_Street text 250 -
Other_City text 100 -
Other_State text 100 -
Other_Zip text 30 -
Other_Country text 100 -
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
Last_Activity_Time datetime 120 r
";
