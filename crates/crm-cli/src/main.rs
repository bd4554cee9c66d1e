//! The `crm` command: thin. It reads arguments, asks the library, and shows what comes back.
//! Data goes to stdout, everything else to stderr.

mod args;
mod cmd;
mod counted;
mod error;
mod output;
mod progress;
mod usage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use args::{Args, Command};
use error::Failure;
use output::Style;
use usage::Asked;

fn main() -> ExitCode {
    let args = match usage::asked() {
        Asked::Work(args) => args,
        Asked::Text(text) => return told(&text),
        Asked::Wrong(failure) => return failed(&failure),
    };
    output::begin(Style { verbose: args.verbose, colour: !args.no_color });
    std::panic::set_hook(Box::new(|panic| output::failure(&Failure::bug(panic))));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = match runtime {
        // A panic was told by the hook above; it fails the command like any error.
        Ok(runtime) => match catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(args)))) {
            Ok(done) => done,
            Err(_told) => return ExitCode::FAILURE,
        },
        Err(error) => {
            Err(Failure::new(format!("the runtime does not start: {error}"), "try again"))
        }
    };
    match done {
        Ok(code) => match output::lost() {
            Some(failure) => failed(&failure),
            None => code,
        },
        Err(failure) => {
            // What was printed before it may be lost as well.
            if let Some(lost) = output::lost() {
                output::failure(&lost);
            }
            failed(&failure)
        }
    }
}

fn failed(failure: &Failure) -> ExitCode {
    output::failure(failure);
    ExitCode::from(failure.code)
}

/// Prints help or the version.
fn told(text: &clap::Error) -> ExitCode {
    match text.print() {
        Err(error) if !output::is_gone(&error) => failed(&output::unwritten(&error)),
        Ok(()) | Err(_) => ExitCode::from(if text.use_stderr() { error::USAGE } else { 0 }),
    }
}

async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { config, env_files, command, verbose: _, no_color: _ } = args;
    let settings = || error::settings(config.as_deref(), &env_files);
    match command {
        Command::Demo(options) => Box::pin(cmd::demo::run(options)).await,
        Command::Sandbox(options) => cmd::sandbox::run(options).await,
        Command::Check(options) => Box::pin(cmd::check::run(&settings()?, options)).await,
        Command::Plan(options) => {
            let again = cmd::plan::again(config.as_deref(), &env_files);
            Box::pin(cmd::plan::run(&settings()?, options, &again)).await
        }
        Command::Apply(options) => {
            let mut settings = settings()?;
            settings.guard.deletes = options.max_deletes.or(settings.guard.deletes);
            Box::pin(cmd::apply::run(&settings, options)).await
        }
        Command::Sync(options) => {
            let mut settings = settings()?;
            let guard = &mut settings.guard;
            guard.deletes = options.max_deletes.or(guard.deletes);
            guard.creates = options.max_creates.or(guard.creates);
            guard.updates_per_field = options.max_updates_per_field.or(guard.updates_per_field);
            Box::pin(cmd::sync::run(&settings, options)).await
        }
        Command::Status(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            Box::pin(cmd::status::run(&database, options)).await
        }
        Command::Conflicts(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            // Phone numbers alone depend on settings, and these need credentials.
            let region = error::region(config.as_deref(), &env_files);
            Box::pin(cmd::conflicts::run(&database, options.command, region)).await
        }
        Command::Explain(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            Box::pin(cmd::explain::run(&database, options)).await
        }
        Command::Undo(options) => Box::pin(cmd::undo::run(&settings()?, options)).await,
        Command::Verify(options) => Box::pin(cmd::verify::run(&settings()?, options)).await,
        Command::Erase(options) if options.list => {
            let database = error::database(config.as_deref(), &env_files)?;
            cmd::erase::list(&database, options.json).await
        }
        Command::Erase(options) => Box::pin(cmd::erase::run(&settings()?, options)).await,
        Command::Audit(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            Box::pin(cmd::audit::run(&database, options)).await
        }
        Command::Problems(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            Box::pin(cmd::problems::run(&database, options)).await
        }
        Command::Runs(options) => {
            let database = error::database(config.as_deref(), &env_files)?;
            Box::pin(cmd::runs::run(&database, options)).await
        }
    }
}
