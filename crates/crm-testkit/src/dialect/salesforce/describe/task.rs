//! Task: something to do, a call or an e-mail on record.

/// Name, type, length, flags, and where it belongs or points.
pub(super) const TASK: &str = "
Id id 18 disfg
WhoId reference 18 cunsfg to:Contact,Lead as:Who
WhatId reference 18 cunsfg to:Account,Campaign,Case,Opportunity as:What
Subject combobox 255 cunsf
ActivityDate date 0 cunsfg
Status picklist 255 cudsfg
Priority picklist 255 cudsfg
IsHighPriority boolean 0 dsfg
OwnerId reference 18 cudsfg to:User as:Owner
Description textarea 32000 cun
IsDeleted boolean 0 dsfg
AccountId reference 18 nsfg to:Account as:Account
IsClosed boolean 0 dsfg
CreatedDate datetime 0 dsf
CreatedById reference 18 dsfg to:User as:CreatedBy
LastModifiedDate datetime 0 dsf
LastModifiedById reference 18 dsfg to:User as:LastModifiedBy
SystemModstamp datetime 0 dsf
IsArchived boolean 0 dsfg
CallDurationInSeconds int 0 cunsfg
CallType picklist 40 cunsfgr
CallDisposition string 255 cunsfg
CallObject string 255 cunsfg
ReminderDateTime datetime 0 cunsf
IsReminderSet boolean 0 cudsfg
RecurrenceActivityId reference 18 nsfg to:Task
IsRecurrence boolean 0 cdsfg
RecurrenceStartDateOnly date 0 cunsfg
RecurrenceEndDateOnly date 0 cunsfg
RecurrenceTimeZoneSidKey picklist 40 cunsfg
RecurrenceType picklist 40 cunsfgr
RecurrenceInterval int 0 cunsfg
RecurrenceDayOfWeekMask int 0 cunsfg
RecurrenceDayOfMonth int 0 cunsfg
RecurrenceInstance picklist 40 cunsfgr
RecurrenceMonthOfYear picklist 40 cunsfgr
RecurrenceRegeneratedType picklist 40 cunsfgr
TaskSubtype picklist 40 cnsfgr
CompletedDateTime datetime 0 nsf
";
