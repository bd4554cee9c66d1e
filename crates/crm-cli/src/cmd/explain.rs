//! `crm explain`: why a field has the value that it has. Reads the store alone.

use std::path::Path;
use std::process::ExitCode;

use crm::core::{Field, ObjectKind, Value};
use crm::store::LinkState;
use crm::sync::explain::{Cause, Explanation, Shown, Told, explain, find};

use super::stored;
use crate::args;
use crate::error::Failure;
use crate::output;

/// Explains one entity, or one field of it.
pub(crate) async fn run(database: &Path, options: args::Explain) -> Result<ExitCode, Failure> {
    let store = stored::open(database)?;
    let kind = stored::kind(&options.kind)?;
    let found = find(&*store, kind, &options.who).await?;
    let entity = match found.as_slice() {
        [] => {
            return Err(Failure::new(
                format!("nobody is known as `{}`", options.who),
                "name an e-mail address, an entity's id, or PROVIDER:RECORD, such as hubspot:101",
            ));
        }
        [one] => *one,
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            return Err(Failure::new(
                format!("{} records are known as `{}`", several.len(), options.who),
                format!("name one of them by its id: {}", ids.join(", ")),
            ));
        }
    };
    let Some(mut told) = explain(&*store, entity).await? else {
        return Err(Failure::new(format!("there is no entity {entity}"), "see `crm status`"));
    };
    if let Some(name) = &options.field {
        let field = field_of(kind, name)?;
        told.fields.retain(|known, _| *known == field);
        for part in &mut told.absorbed {
            part.fields.retain(|known, _| *known == field);
        }
    }
    if options.json {
        output::json(&told)?;
    } else {
        print(&told);
    }
    Ok(ExitCode::SUCCESS)
}

fn field_of(kind: ObjectKind, name: &str) -> Result<Field, Failure> {
    let mut known = crm::core::schema::fields(kind).iter().map(|spec| spec.field);
    known.find(|field| field.to_string() == name).ok_or_else(|| {
        let names: Vec<String> =
            crm::core::schema::fields(kind).iter().map(|spec| spec.field.to_string()).collect();
        Failure::new(
            format!("a {} has no field `{name}`", kind.name()),
            format!("its fields are {}", names.join(", ")),
        )
    })
}

fn print(told: &Explanation) {
    one(told);
    for part in &told.absorbed {
        output::line("");
        output::line("What follows was merged into it. Its history is kept as it was:");
        one(part);
    }
}

fn one(told: &Explanation) {
    output::line(&format!("{} {} ({})", told.kind.name(), told.entity, told.label));
    for tie in &told.records {
        let record = tie.remote.as_ref().map_or("no record yet", |remote| remote.as_str());
        let state = match &tie.state {
            LinkState::Live => "",
            LinkState::Claimed => ", a create is announced",
            LinkState::Gone { .. } => ", deleted there",
            LinkState::Merged { .. } => ", merged there",
            LinkState::Doomed { .. } => ", to be deleted there",
        };
        let made = tie.made.as_ref().map(|made| format!(", made by run {}", made.run));
        let parked = tie.parked.as_ref().map(|(class, why)| format!(", parked ({class}: {why})"));
        let (made, parked) = (made.unwrap_or_default(), parked.unwrap_or_default());
        output::line(&format!("  {}: {record}{state}{made}{parked}", tie.provider));
    }
    for (field, of) in &told.fields {
        output::line("");
        field_lines(*field, of);
    }
}

fn field_lines(field: Field, of: &Told) {
    match &of.golden {
        Some(golden) => {
            let source = golden.source.as_ref().map_or("a person", |source| source.as_str());
            let at = golden.at.map(|at| format!(" at {at}")).unwrap_or_default();
            output::line(&format!("{field} = {}", value(golden.value.as_ref())));
            output::line(&format!(
                "  version {} from {source}{at}, rule {}, run {}",
                golden.version, golden.rule, golden.run
            ));
        }
        None => output::line(&format!("{field} has no agreed value")),
    }
    if of.frozen {
        output::line(
            "  frozen everywhere until its conflict is resolved: see `crm conflicts list`",
        );
    }
    for shown in &of.shown {
        output::line(&format!("  {}: {}", shown.provider, shown_line(of, shown)));
    }
    for conflict in &of.conflicts {
        let sides = conflict.contenders.iter().map(|side| {
            let name = side.provider.as_ref().map_or("golden record", |name| name.as_str());
            format!("{name} {}", value(side.value.as_ref()))
        });
        let state = format!("{:?}", conflict.state).to_lowercase();
        let sides = sides.collect::<Vec<_>>().join(" against ");
        output::line(&format!(
            "  conflict at {} ({state}, {}): {sides}",
            conflict.at, conflict.rule
        ));
    }
    for row in of.history.iter().rev() {
        let source = row.source.as_ref().map_or("a person", |source| source.as_str());
        output::line(&format!(
            "  changed at {} from {} to {}: {source}, rule {}, run {}",
            row.at,
            value(row.before.as_ref()),
            value(row.after.as_ref()),
            row.rule,
            row.run
        ));
    }
}

fn shown_line(of: &Told, shown: &Shown) -> String {
    let cause = match shown.cause {
        Cause::Unknown => "never read",
        Cause::Read => "entered there",
        Cause::Written => "written by us",
        Cause::Made => "made by us",
    };
    let mut line = format!("{} ({cause}", value(shown.value.as_ref()));
    if let Some(write) = &shown.write {
        let name = write.action.name();
        line = format!("{line}; last {name} at {} in run {}", write.at, write.run);
    }
    let newest = of.golden.as_ref().map_or(0, |golden| golden.version);
    line = if shown.acknowledged < newest {
        format!("{line}; knows version {})", shown.acknowledged)
    } else {
        format!("{line})")
    };
    if let Some((version, why)) = &shown.refused {
        line = format!("{line}, refused version {version}: {why}");
    }
    for (_, version, at) in &shown.announced {
        line = format!("{line}, version {version} announced at {at}");
    }
    line
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "blank".to_owned(), |value| format!("\"{}\"", value.display()))
}
