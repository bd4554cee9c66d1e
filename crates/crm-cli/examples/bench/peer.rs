//! The program that we are compared with: a stateless copy on the vendors' Node clients.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGES: [&str; 2] = ["@hubspot/api-client@14", "jsforce@3"];

/// Reads every contact page by page and creates them in batches of 200; keeps no state, so a
/// second run would create everybody again.
const COPY: &str = r"
const { Client } = require('@hubspot/api-client');
const jsforce = require('jsforce');
const env = process.env;
const names = {
  firstname: 'FirstName', lastname: 'LastName', email: 'Email', phone: 'Phone',
  mobilephone: 'MobilePhone', company: 'Company_Text__c', jobtitle: 'Title',
  address: 'MailingStreet', city: 'MailingCity', state: 'MailingState',
  zip: 'MailingPostalCode', country: 'MailingCountry',
};

async function token() {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: env.SALESFORCE_CLIENT_ID,
    client_secret: env.SALESFORCE_CLIENT_SECRET,
  });
  const answer = await fetch(`${env.SALESFORCE_BASE_URL}/services/oauth2/token`, {
    method: 'POST', body,
  });
  return (await answer.json()).access_token;
}

async function main() {
  const began = process.hrtime.bigint();
  const hubspot = new Client({
    accessToken: env.HUBSPOT_API_KEY,
    basePath: env.HUBSPOT_BASE_URL,
    numberOfApiCallRetries: 3,
    limiterOptions: { minTime: 0, maxConcurrent: 6 },
  });
  const salesforce = new jsforce.Connection({
    instanceUrl: env.SALESFORCE_BASE_URL, accessToken: await token(), version: '62.0',
  });
  let created = 0;
  let waiting = [];
  async function flush() {
    const batch = waiting.splice(0, 200);
    const results = await salesforce.sobject('Contact').create(batch, { allOrNone: false });
    created += results.filter((result) => result.success).length;
  }
  let after;
  do {
    const page = await hubspot.crm.contacts.basicApi.getPage(100, after, Object.keys(names));
    for (const record of page.results) {
      const contact = {};
      for (const [here, there] of Object.entries(names)) {
        if (record.properties[here]) contact[there] = record.properties[here];
      }
      waiting.push(contact);
    }
    while (waiting.length >= 200) await flush();
    after = page.paging?.next?.after;
  } while (after);
  while (waiting.length > 0) await flush();
  const cpu = process.cpuUsage();
  console.log(JSON.stringify({
    seconds: Number(process.hrtime.bigint() - began) / 1e9,
    cpu_seconds: (cpu.user + cpu.system) / 1e6,
    peak_mb: process.resourceUsage().maxRSS / 1024,
    created,
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
";

/// The script, with its packages beside it.
pub(crate) struct Script {
    folder: PathBuf,
}

impl Script {
    /// Makes the command that runs it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.arg("copy.js").current_dir(&self.folder);
        command
    }
}

/// Installs the script; where that cannot be done, says so in one line.
pub(crate) fn install(folder: &Path) -> Option<Script> {
    let folder = folder.join("peer");
    match try_install(&folder) {
        Ok(()) => Some(Script { folder }),
        Err(why) => {
            println!("no comparison with a copy script: {why}");
            None
        }
    }
}

fn try_install(folder: &Path) -> Result<(), String> {
    let version = Command::new("node").arg("--version").output();
    version.map_err(|error| format!("node does not start ({error})"))?;
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(|error| error.to_string())
    };
    write("package.json", "{\"private\": true}\n")?;
    write("copy.js", COPY)?;
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .args(PACKAGES)
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    match installed {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("npm install ended with {status}")),
        Err(error) => Err(format!("npm does not start ({error})")),
    }
}
