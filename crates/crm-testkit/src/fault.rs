//! Bad weather: faults at seeded rates per request, by named profile, and single scripted ones.

mod profile;

use std::collections::VecDeque;
use std::time::Duration;

use http::{Method, Request};

pub use self::profile::{Profile, Rates};
use crate::world::Rng;

/// What a 429 says about coming back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing.
    Silent,
    /// A number of seconds.
    Seconds(u32),
    /// A date so many seconds ahead.
    Date(u32),
}

/// One thing that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes before anything is done.
    CutBefore,
    /// The request is carried out, then the connection closes without an answer.
    CutAfter,
    /// 429; nothing is done.
    RateLimited(RetryAfter),
    /// An error status; nothing is done.
    Status(u16),
    /// The request is carried out, then an error status is answered.
    StatusAfter(u16),
    /// The request is carried out; the answer's body breaks off in the middle.
    Garbled,
    /// An error status with a web page for a body; nothing is done.
    Html(u16),
    /// Tokens handed out so far stop working, this request's included.
    TokenExpired,
    /// The item at this place of a batch fails, if the batch has that many.
    BatchItem(usize),
    /// The answer comes late, by this much of real time.
    Slow(Duration),
}

/// Which requests a scripted fault waits for; everything unset fits all.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    /// The method.
    pub method: Option<Method>,
    /// A part of path and query.
    pub path: Option<String>,
    /// How many matching requests pass unharmed before.
    pub skip: u32,
}

impl Aim {
    /// Returns an aim at requests whose path contains a text; a method may stand before it, as
    /// in the names of endpoints: `PUT /contacts/`.
    pub fn path(part: impl Into<String>) -> Self {
        let part = part.into();
        let split = part.split_once(" /").and_then(|(method, _)| {
            let method = Method::from_bytes(method.as_bytes()).ok()?;
            Some((Some(method), part.get(part.find('/')?..)?.to_owned()))
        });
        let (method, path) = split.unwrap_or((None, part));
        Self { method, path: Some(path), ..Self::default() }
    }

    fn fits<B>(&self, request: &Request<B>) -> bool {
        let target = request.uri().path_and_query().map_or("", |path| path.as_str());
        self.method.as_ref().is_none_or(|method| method == request.method())
            && self.path.as_ref().is_none_or(|part| target.contains(part.as_str()))
    }
}

/// What the plan has for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) fault: Option<Fault>,
    /// A place in a batch whose item fails, taken modulo the batch's length if it was drawn.
    pub(crate) spoil: Option<Spoil>,
    /// Tokens handed out so far stop working.
    pub(crate) tokens_die: bool,
}

/// Which item of a batch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// The one at this place, if there is one.
    At(usize),
    /// Any, chosen by this number.
    Any(usize),
}

/// The faults to come.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    rates: Rates,
    rng: Rng,
    /// The random number for the next request; drawn ahead so that peeking changes nothing.
    next: u64,
    requests: u64,
    script: VecDeque<(Aim, Fault)>,
}

impl FaultPlan {
    /// Returns the plan of these rates.
    pub fn new(rates: Rates, seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("faults");
        let next = rng.bits();
        Self { rates, rng, next, requests: 0, script: VecDeque::new() }
    }

    /// Returns the rates.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Adds a fault for the next request that fits; each strikes once, in the order given.
    pub fn script(&mut self, aim: Aim, fault: Fault) {
        self.script.push_back((aim, fault));
    }

    /// Returns whether the connection of this request will be cut, without using anything up.
    pub fn will_cut<B>(&self, request: &Request<B>) -> bool {
        matches!(self.draw(request).fault, Some(Fault::CutBefore | Fault::CutAfter))
    }

    /// Returns what happens to this request and moves on to the next.
    pub(crate) fn take<B>(&mut self, request: &Request<B>) -> Draw {
        let draw = self.draw(request);
        let ready = self.ready(request);
        for (place, (aim, _)) in self.script.iter_mut().enumerate() {
            if ready != Some(place) && aim.fits(request) {
                aim.skip = aim.skip.saturating_sub(1);
            }
        }
        if let Some(place) = ready {
            self.script.remove(place);
        }
        self.next = self.rng.bits();
        self.requests += 1;
        draw
    }

    fn ready<B>(&self, request: &Request<B>) -> Option<usize> {
        self.script.iter().position(|(aim, _)| aim.skip == 0 && aim.fits(request))
    }

    fn draw<B>(&self, request: &Request<B>) -> Draw {
        let scripted = self.ready(request).and_then(|place| self.script.get(place));
        if let Some((_, fault)) = scripted {
            let (spoil, fault) = if let Fault::BatchItem(place) = *fault {
                (Some(Spoil::At(place)), None)
            } else {
                (None, Some(*fault))
            };
            return Draw { fault, spoil, tokens_die: fault == Some(Fault::TokenExpired) };
        }
        let mut rng = Rng::new(self.next);
        let every = u64::from(self.rates.token_dies_every);
        Draw {
            fault: self.rates.fault(&mut rng),
            spoil: rng
                .happens(self.rates.batch_item)
                .then(|| Spoil::Any(usize::try_from(rng.below(1 << 20)).unwrap_or(0))),
            tokens_die: every > 0 && (self.requests + 1).is_multiple_of(every),
        }
    }
}
