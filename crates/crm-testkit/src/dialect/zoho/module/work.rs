//! Deals, and what is done about them: name, type, length, flags, where it points, what it offers.
//!
//! Flags: `m` mandatory, `r` read only, `u` unique, `-` none of them.

/// A deal.
pub(super) const DEALS: &str = "
Owner ownerlookup 120 -
Deal_Name text 120 m
Amount currency 16 -
Closing_Date date 20 m
Account_Name lookup 120 - to:Accounts
Contact_Name lookup 120 - to:Contacts
Stage picklist 120 m
Pipeline picklist 120 -
Probability integer 3 -
Expected_Revenue currency 16 r
Type picklist 120 - = -None-|Existing Business|New Business
Next_Step text 100 -
Lead_Source picklist 120 - = -None-|Advertisement|Cold Call|Employee Referral|Partner|Web Research
Reason_For_Loss__s picklist 120 - = -None-|Expectation Mismatch|Price|Competition|Other
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
Last_Activity_Time datetime 120 r
";

/// Something to do.
pub(super) const TASKS: &str = "
Owner ownerlookup 120 -
Subject text 255 m
Due_Date date 20 -
Who_Id lookup 120 - to:Contacts
What_Id lookup 120 - to:*
Status picklist 120 - = Not Started|Deferred|In Progress|Completed|Waiting for input
Priority picklist 120 - = High|Highest|Low|Lowest|Normal
Closed_Time datetime 120 r
Send_Notification_Email boolean 5 -
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
";

/// A meeting.
pub(super) const EVENTS: &str = "
Owner ownerlookup 120 -
Event_Title text 255 m
Start_DateTime datetime 120 m
End_DateTime datetime 120 m
All_day boolean 5 -
Venue text 255 -
Who_Id lookup 120 - to:Contacts
What_Id lookup 120 - to:*
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
";

/// A telephone call.
pub(super) const CALLS: &str = "
Owner ownerlookup 120 -
Subject text 255 -
Call_Type picklist 120 m = Outbound|Inbound|Missed
Call_Start_Time datetime 120 m
Call_Duration text 30 -
Call_Duration_in_seconds integer 9 r
Call_Status picklist 120 r = Completed|Scheduled|Missed
Outbound_Call_Status picklist 120 - = Completed|Scheduled
Call_Purpose picklist 120 - = -None-|Prospecting|Administrative|Negotiation|Demo
Call_Result picklist 120 - = -None-|Interested|Not interested|Requested more info
Call_Agenda text 255 -
Who_Id lookup 120 - to:Contacts
What_Id lookup 120 - to:*
Description textarea 32000 -
Tag text 2000 r
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
";

/// A note on a record.
pub(super) const NOTES: &str = "
Owner ownerlookup 120 -
Note_Title text 120 -
Note_Content textarea 32000 m
Parent_Id lookup 120 m to:*
Created_By ownerlookup 120 r
Modified_By ownerlookup 120 r
Created_Time datetime 120 r
Modified_Time datetime 120 r
";
