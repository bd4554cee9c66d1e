//! Quotas as the fake itself counts them: what a client used, its peak, and how often it overran.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// How a window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The last so many milliseconds before each request.
    Rolling(i64),
    /// Periods of so many milliseconds, one after the other, counted from 1970.
    Fixed(i64),
}

/// One limit and its use.
#[derive(Clone, Debug)]
pub struct Window {
    name: &'static str,
    full_limit: u64,
    limit: u64,
    span: Span,
    /// Times of the requests in a rolling window.
    times: VecDeque<i64>,
    /// Number of the period and requests in it, of a fixed window.
    period: (i64, u64),
    peak: u64,
    exceeded: u64,
    /// Whether a request counts once, whatever it costs.
    per_request: bool,
}

impl Window {
    /// Returns an unused window.
    pub fn new(name: &'static str, limit: u64, span: Span) -> Self {
        Self {
            name,
            full_limit: limit,
            limit,
            span,
            times: VecDeque::new(),
            period: (0, 0),
            peak: 0,
            exceeded: 0,
            per_request: false,
        }
    }

    /// Makes every request count once, whatever it costs elsewhere.
    #[must_use]
    pub const fn per_request(mut self) -> Self {
        self.per_request = true;
        self
    }

    /// Returns the window's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns how many requests it allows.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns how it moves.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns the most requests that were ever inside it.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Returns how many requests were refused because it was full.
    pub fn exceeded(&self) -> u64 {
        self.exceeded
    }

    /// Returns how many requests are inside it at a time.
    pub fn used(&self, now_ms: i64) -> u64 {
        match self.span {
            Span::Rolling(span) => {
                // In order, since a fake's clock does not go back.
                let past = self.times.partition_point(|at| *at <= now_ms - span);
                u64::try_from(self.times.len() - past).unwrap_or(u64::MAX)
            }
            Span::Fixed(span) if self.period.0 == now_ms.div_euclid(span) => self.period.1,
            Span::Fixed(_) => 0,
        }
    }

    /// Returns how many requests it still allows at a time.
    pub fn left(&self, now_ms: i64) -> u64 {
        self.limit.saturating_sub(self.used(now_ms))
    }

    /// Returns when a full window next has room, in milliseconds since 1970.
    pub fn room_at_ms(&self, now_ms: i64) -> i64 {
        match self.span {
            Span::Rolling(span) => {
                let past = self.times.partition_point(|at| *at <= now_ms - span);
                self.times.get(past).map_or(now_ms, |oldest| oldest + span)
            }
            Span::Fixed(span) => (now_ms.div_euclid(span) + 1) * span,
        }
    }

    const fn cost(&self, cost: u64) -> u64 {
        if self.per_request { 1 } else { cost }
    }

    fn add(&mut self, cost: u64, now_ms: i64) {
        let cost = self.cost(cost);
        match self.span {
            Span::Rolling(span) => {
                while self.times.front().is_some_and(|at| *at <= now_ms - span) {
                    self.times.pop_front();
                }
                for _ in 0..cost {
                    self.times.push_back(now_ms);
                }
            }
            Span::Fixed(span) => {
                let period = now_ms.div_euclid(span);
                let used = if self.period.0 == period { self.period.1 } else { 0 };
                self.period = (period, used + cost);
            }
        }
        self.peak = self.peak.max(self.used(now_ms));
    }
}

/// All windows of one fake.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    windows: Vec<Window>,
}

impl Quotas {
    /// Returns the quotas of these windows.
    pub fn new(windows: Vec<Window>) -> Self {
        Self { windows }
    }

    /// Counts a request of that cost in the named windows, or returns the one that has not room
    /// for it; a refused request is counted only as exceeding it.
    pub fn take(&mut self, names: &[&str], cost: u64, now_ms: i64) -> Result<(), Box<Window>> {
        let full = self
            .windows
            .iter_mut()
            .find(|window| names.contains(&window.name) && window.left(now_ms) < window.cost(cost));
        if let Some(window) = full {
            window.exceeded += 1;
            return Err(Box::new(window.clone()));
        }
        for window in self.windows.iter_mut().filter(|window| names.contains(&window.name)) {
            window.add(cost, now_ms);
        }
        Ok(())
    }

    /// Returns a window.
    pub fn get(&self, name: &str) -> Option<&Window> {
        self.windows.iter().find(|window| window.name == name)
    }

    /// Returns all windows.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter()
    }

    /// Divides every limit, as the fault profile `quota` asks; 1 restores them.
    pub fn shrink(&mut self, divisor: u64) {
        for window in &mut self.windows {
            window.limit = window.full_limit.checked_div(divisor).unwrap_or(0).max(1);
        }
    }

    /// Returns limit, use, peak and overruns by window.
    pub fn report(&self, now_ms: i64) -> Value {
        let rows: BTreeMap<&str, Value> = self
            .windows
            .iter()
            .map(|window| {
                let row = json!({
                    "limit": window.limit,
                    "used": window.used(now_ms),
                    "peak": window.peak,
                    "exceeded": window.exceeded,
                });
                (window.name, row)
            })
            .collect();
        json!(rows)
    }
}
