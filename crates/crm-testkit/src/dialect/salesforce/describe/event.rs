//! Event: a meeting.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const EVENT: &str = "
Id id 18 disfg
WhoId reference 18 cunsfg to:Contact,Lead as:Who
WhatId reference 18 cunsfg to:Account,Campaign,Case,Opportunity as:What
Subject combobox 255 cunsf
Location string 255 cunsfg
IsAllDayEvent boolean 0 cudsfg
ActivityDateTime datetime 0 cunsf
ActivityDate date 0 cunsfg
DurationInMinutes int 0 cunsfg
StartDateTime datetime 0 cunsf
EndDateTime datetime 0 cunsf
EndDate date 0 nsfg
Description textarea 32000 cun
AccountId reference 18 nsfg to:Account as:Account
OwnerId reference 18 cudsfg to:Calendar,User as:Owner
IsPrivate boolean 0 cudsfg
ShowAs picklist 40 cundsfgr
IsDeleted boolean 0 dsfg
IsChild boolean 0 dsfg
IsGroupEvent boolean 0 dsfg
GroupEventType picklist 40 ndsfgr
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
IsArchived boolean 0 dsfg
RecurrenceActivityId reference 18 nsfg to:Event
IsRecurrence boolean 0 cdsfg
RecurrenceStartDateTime datetime 0 cunsf
RecurrenceEndDateOnly date 0 cunsfg
RecurrenceTimeZoneSidKey picklist 40 cunsfgr
RecurrenceType picklist 40 cunsfgr
RecurrenceInterval int 0 cunsfg
RecurrenceDayOfWeekMask int 0 cunsfg
RecurrenceDayOfMonth int 0 cunsfg
RecurrenceInstance picklist 40 cunsfgr
RecurrenceMonthOfYear picklist 40 cunsfgr
ReminderDateTime datetime 0 cunsf
IsReminderSet boolean 0 cudsfg
EventSubtype picklist 40 cnsfgr
IsRecurrence2Exclusion boolean 0 dsfg
Recurrence2PatternText textarea 512 cn
Recurrence2PatternVersion picklist 40 nsfgr
IsRecurrence2 boolean 0 dsfg
IsRecurrence2Exception boolean 0 dsfg
Recurrence2PatternStartDate datetime 0 nsf
Recurrence2PatternTimeZone string 255 nsfg
";
