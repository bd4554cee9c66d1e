//! What the users of three accounts do in a day: they edit, clear, move deals, tie, make, delete.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::agreement::Gone;
use super::book::{Book, Shelf};
use crate::desk::Desk;

/// Something that one user does.
pub(super) type Deed = Box<dyn FnOnce(&Desk)>;

/// The accounts' books in the order HubSpot, Salesforce, the second HubSpot account.
pub(super) struct Books {
    pub(super) hubspot: Book,
    pub(super) salesforce: Book,
    pub(super) second: Book,
}

impl Books {
    pub(super) fn read(desk: &Desk) -> Self {
        let book = |account| super::book::read(desk, account);
        Self { hubspot: book("hubspot"), salesforce: book("salesforce"), second: book("hubspot-2") }
    }

    /// Returns the natural keys that all three know, in turn from a place on.
    fn shared(&self, of: fn(&Book) -> &Shelf, gone: &Gone, from: usize) -> Vec<String> {
        let keys = |book| of(book).records.keys().cloned().collect::<BTreeSet<String>>();
        let mut all: Vec<String> = (&(&keys(&self.hubspot) & &keys(&self.salesforce))
            & &keys(&self.second))
            .into_iter()
            .filter(|key| !gone.contains(key))
            .collect();
        let count = all.len().max(1);
        all.rotate_left(from % count);
        all
    }
}

fn set(place: String, fields: Value) -> Deed {
    Box::new(move |desk| {
        desk.ask("PATCH", &place, &fields);
    })
}

fn make(place: &'static str, fields: Value) -> Deed {
    Box::new(move |desk| {
        desk.ask("POST", place, &fields);
    })
}

fn association(from: (&str, &str), to: (&str, &str), label: u64) -> Value {
    let end = |(kind, id)| json!({ "kind": kind, "id": id });
    json!({ "from": end(from), "to": end(to), "type": label })
}

fn tie(account: &'static str, from: (&str, &str), to: (&str, &str), label: u64) -> Deed {
    let body = association(from, to, label);
    Box::new(move |desk| {
        desk.ask("POST", &format!("/{account}/associations"), &body);
    })
}

/// Returns what is done in a round, and what is gone afterwards.
pub(super) fn day(books: &Books, round: usize, gone: &mut Gone) -> Vec<Deed> {
    let people = books.shared(|book| &book.contact, gone, round * 13);
    let companies = books.shared(|book| &book.company, gone, round * 5);
    let deals = books.shared(|book| &book.deal, gone, round * 8);
    let mut deeds = edits(books, round, (&people, &companies, &deals));
    deeds.extend(ties(books, round, (&people, &companies, &deals)));
    deeds.extend(makes(books, round, (&people, &deals)));
    deeds.extend(deletes(books, (&people, &deals), gone));
    deeds
}

type Keys<'k> = (&'k [String], &'k [String], &'k [String]);

fn id<'b>(shelf: &'b Shelf, key: &str) -> &'b str {
    &shelf.records[key].id
}

fn edits(books: &Books, round: usize, (people, companies, deals): Keys<'_>) -> Vec<Deed> {
    let person = |account: &str, key: &str| match account {
        "hubspot" => format!("/hubspot/records/contacts/{}", id(&books.hubspot.contact, key)),
        "salesforce" => {
            format!("/salesforce/records/Contact/{}", id(&books.salesforce.contact, key))
        }
        _ => format!("/hubspot-2/records/contacts/{}", id(&books.second.contact, key)),
    };
    let phone = |nth: usize| format!("+44 20 7946 0{}{nth:02}", 7 + round);
    let employer = |key: &str| id(&books.salesforce.company, key).to_owned();
    vec![
        set(person("hubspot", &people[0]), json!({ "jobtitle": format!("Buyer {round}") })),
        set(person("salesforce", &people[0]), json!({ "MailingCity": format!("York {round}") })),
        set(person("hubspot-2", &people[1]), json!({ "phone": phone(1) })),
        set(person("salesforce", &people[1]), json!({ "Phone": phone(2) })),
        set(person("hubspot", &people[2]), json!({ "jobtitle": null })),
        set(person("salesforce", &people[3]), json!({ "Phone": null })),
        set(person("hubspot-2", &people[4]), json!({ "city": format!("Bath {round}") })),
        set(person("hubspot", &people[4]), json!({ "city": format!("Cork {round}") })),
        set(person("salesforce", &people[5]), json!({ "AccountId": employer(&companies[0]) })),
        set(
            format!("/salesforce/records/Account/{}", employer(&companies[1])),
            json!({ "NumberOfEmployees": 70 + round }),
        ),
        set(
            format!("/hubspot-2/records/companies/{}", id(&books.second.company, &companies[2])),
            json!({ "city": format!("Hull {round}"), "description": "Repairs" }),
        ),
        set(
            format!("/hubspot/records/deals/{}", id(&books.hubspot.deal, &deals[0])),
            json!({ "dealstage": "closedwon" }),
        ),
        set(
            format!("/salesforce/records/Opportunity/{}", id(&books.salesforce.deal, &deals[1])),
            json!({ "StageName": "Closed Lost", "Description": "Too dear" }),
        ),
        set(
            format!("/hubspot-2/records/deals/{}", id(&books.second.deal, &deals[2])),
            // Before the first sync, deals are known by title and amount.
            if round == 0 {
                json!({ "description": "Urgent" })
            } else {
                json!({ "amount": format!("12{round}.45") })
            },
        ),
    ]
}

fn ties(books: &Books, round: usize, (people, companies, deals): Keys<'_>) -> Vec<Deed> {
    let second = |shelf: fn(&Book) -> &Shelf, key: &str| id(shelf(&books.second), key).to_owned();
    let first = |shelf: fn(&Book) -> &Shelf, key: &str| id(shelf(&books.hubspot), key).to_owned();
    let deal = id(&books.salesforce.deal, &deals[4]).to_owned();
    let person = id(&books.salesforce.contact, &people[6]).to_owned();
    // HubSpot tells of a tie only with the next edit of its record (see the room's README).
    let touched = |account, kind, id: &str, field: &str| {
        set(format!("/{account}/records/{kind}/{id}"), json!({ field: format!("Seen {round}") }))
    };
    let mut deeds = vec![
        tie(
            "hubspot-2",
            ("deals", &second(|book| &book.deal, &deals[3])),
            ("contacts", &second(|book| &book.contact, &people[6])),
            3,
        ),
        touched("hubspot-2", "deals", &second(|book| &book.deal, &deals[3]), "description"),
        tie(
            "hubspot",
            ("contacts", &first(|book| &book.contact, &people[7])),
            ("companies", &first(|book| &book.company, &companies[3])),
            1,
        ),
        touched("hubspot", "contacts", &first(|book| &book.contact, &people[7]), "state"),
        make(
            "/salesforce/records/OpportunityContactRole",
            json!({ "OpportunityId": deal, "ContactId": person }),
        ),
    ];
    // Of two people of a deal, one has no more to do with it.
    let two = deals.iter().skip(5).find_map(|key| {
        let people = &books.hubspot.deal.records[key].ties["contacts"];
        (people.len() > 1).then(|| (key, people.first().unwrap()))
    });
    deeds.extend(two.into_iter().flat_map(|(deal, person)| {
        let deal = first(|book| &book.deal, deal);
        let body =
            association(("deals", &deal), ("contacts", id(&books.hubspot.contact, person)), 3);
        let edit = touched("hubspot", "deals", &deal, "description");
        let cut = Box::new(move |desk: &Desk| {
            desk.ask("DELETE", "/hubspot/associations", &body);
        });
        [cut as Deed, edit]
    }));
    deeds
}

fn makes(books: &Books, round: usize, (people, deals): (&[String], &[String])) -> Vec<Deed> {
    let who = id(&books.salesforce.contact, &people[8]);
    let what = id(&books.salesforce.deal, &deals[0]);
    let noted = id(&books.second.contact, &people[9]).to_owned();
    vec![
        make(
            "/salesforce/records/Event",
            json!({ "Subject": format!("Lunch {round}"), "WhoId": who, "WhatId": what,
                "StartDateTime": "2026-12-02T10:00:00Z", "EndDateTime": "2026-12-02T11:00:00Z" }),
        ),
        Box::new(move |desk| {
            let note = json!({ "hs_note_body": format!("Asked for a discount {round}"),
                "hs_timestamp": "2026-12-03T09:00:00Z" });
            let note = desk.ask("POST", "/hubspot-2/records/notes", &note);
            let tied =
                association(("notes", note["id"].as_str().unwrap()), ("contacts", &noted), 202);
            desk.ask("POST", "/hubspot-2/associations", &tied);
        }),
        Box::new(move |desk| {
            let made = |kind: &str, fields: Value| {
                let made = desk.ask("POST", &format!("/hubspot/records/{kind}"), &fields);
                made["id"].as_str().unwrap().to_owned()
            };
            let company = made(
                "companies",
                json!({ "name": format!("Newcomer {round}"),
                    "domain": format!("newcomer-{round}.example") }),
            );
            let person = made(
                "contacts",
                json!({ "firstname": "Nia", "lastname": "Frost",
                    "email": format!("nia.{round}@newcomer.example") }),
            );
            let deal = made(
                "deals",
                json!({ "dealname": format!("Try-out {round}"), "pipeline": "default",
                    "dealstage": "qualifiedtobuy", "amount": "99", "closedate": "2027-01-31" }),
            );
            let ends = [
                (("contacts", &person), ("companies", &company), 1),
                (("deals", &deal), ("companies", &company), 5),
                (("deals", &deal), ("contacts", &person), 3),
            ];
            for ((from, one), (to, other), label) in ends {
                let body = association((from, one), (to, other), label);
                desk.ask("POST", "/hubspot/associations", &body);
            }
        }),
    ]
}

fn deletes(books: &Books, (people, deals): (&[String], &[String]), gone: &mut Gone) -> Vec<Deed> {
    let mut tasks = books.second.activity.records.iter();
    let task = tasks.find(|(key, entry)| entry.kind == "tasks" && !gone.contains(*key));
    let mut places = vec![
        format!("/hubspot/records/contacts/{}", id(&books.hubspot.contact, &people[10])),
        format!("/salesforce/records/Opportunity/{}", id(&books.salesforce.deal, &deals[7])),
    ];
    gone.extend([people[10].clone(), deals[7].clone()]);
    if let Some((key, task)) = task {
        places.push(format!("/hubspot-2/records/tasks/{}", task.id));
        gone.insert(key.clone());
    }
    let delete = |place: String| {
        Box::new(move |desk: &Desk| {
            desk.ask("DELETE", &place, &Value::Null);
        }) as Deed
    };
    places.into_iter().map(delete).collect()
}
