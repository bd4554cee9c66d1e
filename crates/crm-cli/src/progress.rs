//! Progress bars on a terminal, one line per phase elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crm::sync::{Event, Phase, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// Shows how a run goes on.
#[derive(Debug)]
pub(crate) struct Bars {
    bar: ProgressBar,
    plain: bool,
    last: Mutex<Option<(Phase, u64)>>,
}

impl Bars {
    /// Makes bars that fit where stderr leads.
    pub(crate) fn new() -> Self {
        let plain = !output::is_lively();
        let bar = if plain { ProgressBar::hidden() } else { ProgressBar::no_length() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        if !plain {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, plain, last: Mutex::new(None) }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn phase(&self, title: &str, phase: Phase) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let new = last.is_none_or(|(known, _)| known != phase);
        if new {
            *last = Some((phase, 0));
            if self.plain {
                output::status(title);
            }
        }
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event) {
        match event {
            Event::Phase { kind, phase } => {
                let title = format!("{}: {}", kind.plural(), phase.title());
                self.phase(&title, *phase);
                self.bar.set_message(title);
                self.bar.set_position(0);
            }
            Event::Page { rows, .. } => self.bar.inc(u64::try_from(*rows).unwrap_or(u64::MAX)),
            Event::Worked { done, total, .. } => {
                if let Some(total) = total {
                    self.bar.set_length(*total);
                }
                self.bar.set_position(*done);
            }
            Event::Paused { provider, until, message } => {
                let then = until.map_or_else(
                    || "the run goes on without it".to_owned(),
                    |until| format!("it is tried again at {}", until.strftime("%H:%M:%S UTC")),
                );
                let text = format!("{provider} failed, {then}: {message}");
                self.bar.suspend(|| output::status(&text));
            }
            // The report has them.
            Event::SchemaDrift(_) => {}
            Event::Waiting { until } => {
                let text = format!("waiting until {}", until.strftime("%H:%M:%S UTC"));
                if self.plain {
                    output::status(&text);
                }
                self.bar.set_message(text);
            }
        }
    }
}
