//! The machine that every fake shares: it puts weather, quotas and counters around a dialect.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use super::{Bin, Call, Counters, Fake, Fields, Outcome, Refusal, Touch};
use crate::fault::{Aim, Fault, FaultPlan, Profile, Rates, RetryAfter};
use crate::people::Person;
use crate::quota::{Quotas, Window};
use crate::scene::Scene;
use crate::world::{Deeds, FakeClock, World};

/// How a request is counted.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Method and path pattern, for the counters.
    pub endpoint: String,
    /// The quota windows that it uses.
    pub windows: &'static [&'static str],
    /// How much of them it uses.
    pub cost: u64,
}

/// An answer that does not depend on the request, in the vendor's own words.
#[derive(Clone, Debug)]
pub enum Weather {
    /// Refused for going too fast; the header is added by the machine.
    RateLimited,
    /// Refused because a quota window is full.
    Full(Window),
    /// An error of the server.
    Status(u16),
    /// The token does not work any more.
    TokenExpired,
}

/// A vendor: reads requests, changes the world, writes answers. It holds what is not a record,
/// such as tokens and property definitions.
pub trait Dialect: Debug + Send + Sized + 'static {
    /// What the fake is started with.
    type Options: Clone + Debug + Send + Sync;

    /// Returns the vendor's name as connections spell it.
    fn name() -> &'static str;
    /// Returns a dialect over an empty world, with the vendor's kinds and columns laid out.
    fn open(options: &Self::Options, world: &mut World) -> Self;
    /// Returns the vendor's quotas.
    fn windows(options: &Self::Options) -> Vec<Window>;
    /// Returns how a request is counted.
    fn lane(&self, call: &Call<'_>) -> Lane;
    /// Carries out a request and answers it.
    fn answer(&mut self, world: &mut World, quotas: &Quotas, call: &Call<'_>) -> Response<Bytes>;
    /// Returns the vendor's way of saying that nothing is to be had now.
    fn weather(&self, weather: &Weather, now: Timestamp) -> Response<Bytes>;
    /// Makes the tokens handed out so far useless.
    fn kill_tokens(&mut self);

    /// See [`Fake::kinds`].
    fn kinds(&self) -> Vec<String>;
    /// See [`Fake::records`].
    fn records(&self, world: &World, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal>;
    /// See [`Fake::record`].
    fn record(&self, world: &World, kind: &str, id: &str) -> Result<Value, Refusal>;
    /// See [`Fake::create`].
    fn create(&mut self, world: &mut World, kind: &str, fields: &Fields)
    -> Result<String, Refusal>;
    /// See [`Fake::patch`].
    fn patch(
        &mut self,
        world: &mut World,
        kind: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal>;
    /// See [`Fake::delete`].
    fn delete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal>;
    /// See [`Fake::merge`].
    fn merge(
        &mut self,
        world: &mut World,
        kind: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal>;
    /// See [`Fake::touch`].
    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal>;
    /// See [`Fake::lever`].
    fn lever(
        &mut self,
        _world: &mut World,
        _method: &Method,
        path: &[&str],
        _body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        Err(Refusal::missing(format!("{} has no lever {}", Self::name(), path.join("/"))))
    }
    /// Returns a person's values by the vendor's property names, for [`Fake::populate`].
    fn person(&self, person: &Person) -> Fields;
    /// Returns the kind that people are.
    fn person_kind(&self) -> &'static str;
    /// See [`Fake::furnish`].
    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal>;
}

/// A fake made of a dialect.
#[derive(Debug)]
pub struct Simulated<D: Dialect> {
    options: D::Options,
    clock: FakeClock,
    seed: u64,
    state: Mutex<Inner<D>>,
}

#[derive(Debug)]
struct Inner<D> {
    dialect: D,
    world: World,
    quotas: Quotas,
    faults: FaultPlan,
    counters: Counters,
    /// The lag that the options ask for; a profile may only raise it.
    lag_base_ms: u64,
}

impl<D: Dialect> Simulated<D> {
    /// Returns an empty fake.
    pub fn new(options: D::Options, clock: FakeClock, seed: u64) -> Self {
        let state = Mutex::new(Inner::new(&options, &clock, seed));
        Self { options, clock, seed, state }
    }

    /// Runs a closure over dialect and world, for what the control interface has no word for.
    pub fn with<R>(&self, act: impl FnOnce(&mut D, &mut World) -> R) -> R {
        let inner = &mut *self.lock();
        act(&mut inner.dialect, &mut inner.world)
    }

    /// Fills something in: what was there before the sandbox started is not news to its search
    /// index.
    fn fill(
        &self,
        enter: impl FnOnce(&mut D, &mut World) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.with(|dialect, world| {
            let lag = std::mem::take(&mut world.lag_max_ms);
            let done = enter(dialect, world);
            world.lag_max_ms = lag;
            done
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> Inner<D> {
    fn new(options: &D::Options, clock: &FakeClock, seed: u64) -> Self {
        let mut world = World::new(clock.clone(), seed);
        let dialect = D::open(options, &mut world);
        Self {
            dialect,
            quotas: Quotas::new(D::windows(options)),
            faults: FaultPlan::new(Profile::Calm.rates(), seed),
            counters: Counters::default(),
            lag_base_ms: world.lag_max_ms,
            world,
        }
    }

    fn judge(&mut self, request: &Request<Bytes>, call: &mut Call<'_>, lane: &Lane) -> Outcome {
        let draw = self.faults.take(request);
        if draw.tokens_die {
            self.dialect.kill_tokens();
        }
        call.spoil = draw.spoil;
        let now = self.world.now();
        let refused = match draw.fault {
            Some(Fault::CutBefore) => return Outcome::Cut,
            Some(Fault::RateLimited(after)) => {
                let mut response = self.dialect.weather(&Weather::RateLimited, now);
                say_when(&mut response, after, now);
                Some(response)
            }
            Some(Fault::Status(status)) => {
                Some(self.dialect.weather(&Weather::Status(status), now))
            }
            Some(Fault::Html(status)) => Some(web_page(status)),
            Some(Fault::TokenExpired) => Some(self.dialect.weather(&Weather::TokenExpired, now)),
            Some(
                Fault::CutAfter
                | Fault::StatusAfter(_)
                | Fault::Garbled
                | Fault::BatchItem(_)
                | Fault::Slow(_),
            )
            | None => None,
        };
        if let Some(response) = refused {
            return Outcome::Reply(response);
        }
        if let Err(full) = self.quotas.take(lane.windows, lane.cost, self.world.now_ms()) {
            // A connection that is to be cut is cut, whatever the answer would have been.
            if draw.fault == Some(Fault::CutAfter) {
                return Outcome::Cut;
            }
            return Outcome::Reply(self.dialect.weather(&Weather::Full(*full), now));
        }
        let response = self.dialect.answer(&mut self.world, &self.quotas, call);
        match draw.fault {
            Some(Fault::CutAfter) => Outcome::Cut,
            Some(Fault::StatusAfter(status)) => {
                Outcome::Reply(self.dialect.weather(&Weather::Status(status), now))
            }
            Some(Fault::Garbled) => Outcome::Reply(response.map(|body| {
                let half = body.len() / 2;
                body.slice(..half)
            })),
            Some(Fault::Slow(wait)) => Outcome::Delay(wait, response),
            Some(
                Fault::CutBefore
                | Fault::RateLimited(_)
                | Fault::Status(_)
                | Fault::Html(_)
                | Fault::TokenExpired
                | Fault::BatchItem(_),
            )
            | None => Outcome::Reply(response),
        }
    }
}

impl<D: Dialect> Fake for Simulated<D> {
    fn name(&self) -> &'static str {
        D::name()
    }

    fn respond(&self, request: &Request<Bytes>) -> Outcome {
        let inner = &mut *self.lock();
        let mut call = Call::new(request);
        let lane = inner.dialect.lane(&call);
        let mut outcome = inner.judge(request, &mut call, &lane);
        if let Outcome::Reply(response) | Outcome::Delay(_, response) = &mut outcome {
            date(response, inner.world.now());
        }
        inner.counters.note(lane.endpoint, &outcome);
        outcome
    }

    fn will_cut(&self, request: &Request<Bytes>) -> bool {
        self.lock().faults.will_cut(request)
    }

    fn kinds(&self) -> Vec<String> {
        self.lock().dialect.kinds()
    }

    fn records(&self, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
        let inner = self.lock();
        inner.dialect.records(&inner.world, kind, bin)
    }

    fn record(&self, kind: &str, id: &str) -> Result<Value, Refusal> {
        let inner = self.lock();
        inner.dialect.record(&inner.world, kind, id)
    }

    fn create(&self, kind: &str, fields: &Fields) -> Result<String, Refusal> {
        self.with(|dialect, world| dialect.create(world, kind, fields))
    }

    fn patch(&self, kind: &str, id: &str, fields: &Fields) -> Result<(), Refusal> {
        self.with(|dialect, world| dialect.patch(world, kind, id, fields))
    }

    fn delete(&self, kind: &str, id: &str) -> Result<(), Refusal> {
        self.with(|dialect, world| dialect.delete(world, kind, id))
    }

    fn merge(&self, kind: &str, winner: &str, loser: &str) -> Result<String, Refusal> {
        self.with(|dialect, world| dialect.merge(world, kind, winner, loser))
    }

    fn touch(&self, touch: &Touch) -> Result<u64, Refusal> {
        self.with(|dialect, world| dialect.touch(world, touch))
    }

    fn lever(
        &self,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        self.with(|dialect, world| dialect.lever(world, method, path, body))
    }

    fn populate(&self, people: &[Person]) -> Result<(), Refusal> {
        self.fill(|dialect, world| {
            let kind = dialect.person_kind();
            people.iter().try_for_each(|person| {
                let fields = dialect.person(person);
                dialect.create(world, kind, &fields).map(drop)
            })
        })
    }

    fn furnish(&self, scene: &Scene) -> Result<(), Refusal> {
        self.fill(|dialect, world| dialect.furnish(world, scene))
    }

    fn counters(&self) -> Counters {
        let inner = self.lock();
        let quotas = inner.quotas.report(inner.world.now_ms());
        let kinds = inner.world.kinds().filter_map(|kind| {
            let deeds = inner.world.table(kind)?.deeds();
            (deeds != Deeds::default()).then(|| (kind.to_owned(), deeds))
        });
        Counters { endpoints: inner.counters.endpoints.clone(), quotas, records: kinds.collect() }
    }

    fn window(&self, name: &str) -> Option<Window> {
        self.lock().quotas.get(name).cloned()
    }

    fn set_faults(&self, rates: Rates, seed: u64) {
        let inner = &mut *self.lock();
        inner.faults = FaultPlan::new(rates, seed);
        inner.quotas.shrink(rates.quota_divisor);
        inner.world.lag_max_ms = rates.lag_max_ms.max(inner.lag_base_ms);
    }

    fn script(&self, aim: Aim, fault: Fault) {
        self.lock().faults.script(aim, fault);
    }

    fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    fn reset(&self) {
        *self.lock() = Inner::new(&self.options, &self.clock, self.seed);
    }
}

fn date(response: &mut Response<Bytes>, now: Timestamp) {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(value) = text.ok().and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::DATE, value);
    }
}

fn say_when(response: &mut Response<Bytes>, after: RetryAfter, now: Timestamp) {
    let text = match after {
        RetryAfter::Silent => return,
        RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
        RetryAfter::Date(seconds) => {
            let then = now.saturating_add(jiff::SignedDuration::from_secs(seconds.into()));
            then.ok()
                .and_then(|then| DateTimePrinter::new().timestamp_to_rfc9110_string(&then).ok())
        }
    };
    if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
}

fn web_page(status: u16) -> Response<Bytes> {
    let page = "<!DOCTYPE html><html><head><title>Bad gateway</title></head>\
                <body><h1>Something went wrong</h1><p>Please try again.</p></body></html>";
    let mut response = Response::new(Bytes::from_static(page.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let html = HeaderValue::from_static("text/html;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
