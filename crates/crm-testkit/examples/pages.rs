//! Prints how many list pages a second the HubSpot fake renders; run it with `--release`.

use std::io::Write as _;

use bytes::Bytes;
use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions};
use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::people::invent;
use crm_testkit::world::FakeClock;
use http::Request;

const PEOPLE: usize = 20_000;
const ROUNDS: usize = 50;
const PROPERTIES: &str = "email,firstname,lastname,phone,mobilephone,company,website,jobtitle,\
                          address,city,state,zip,country,hs_language,lifecyclestage,\
                          hs_lead_status,hubspot_owner_id,crm_sync_uid,hs_merged_object_ids";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = HubSpotOptions { burst: u64::MAX, daily: u64::MAX, ..HubSpotOptions::default() };
    let clock = FakeClock::running(1);
    let fake = HubSpotFake::new(options, clock.clone(), 1);
    fake.populate(&invent(PEOPLE, 1))?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (mut pages, mut after, before) = (0_i64, None, clock.now_ms());
        loop {
            let next = after.map(|id: u64| format!("&after={id}")).unwrap_or_default();
            let target =
                format!("/crm/objects/2026-09/contacts?limit=100&properties={PROPERTIES}{next}");
            let request = Request::get(target)
                .header("authorization", "Bearer sandbox-hubspot-token")
                .body(Bytes::new())?;
            let Outcome::Reply(response) = fake.respond(&request) else {
                break;
            };
            pages += 1;
            // The cursor stands at the end of the page.
            let tail = response.body().rsplit(|byte| *byte == b'{').next().unwrap_or_default();
            let tail = std::str::from_utf8(tail)?;
            let cursor = tail.split('"').skip_while(|part| *part != "after").nth(2);
            after = cursor.and_then(|cursor| cursor.parse().ok());
            if after.is_none() {
                break;
            }
        }
        rates.push(pages * 1_000 / (clock.now_ms() - before).max(1));
    }
    let first = rates.first().copied().unwrap_or(0);
    rates.sort_unstable();
    let median = rates.get(ROUNDS / 2).copied().unwrap_or(0);
    writeln!(std::io::stdout(), "pages/s: {first} cold, {median} with kept renderings")?;
    Ok(())
}
