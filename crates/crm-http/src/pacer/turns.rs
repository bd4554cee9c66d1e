//! Whose turn it is where several wait for the same slots: each priority has a share, and what one
//! does not use the others do.

use crm_core::Priority;

/// What a slot costs each priority, the most urgent first: with all three waiting, half of the
/// slots are interactive, three tenths realtime, a fifth background.
const PRICES: [u64; 3] = [6, 10, 15];

/// The turns of one lane, as in weighted fair queueing: each slot has a virtual time at which its
/// turn begins and one at which it ends, and the one that ends first is next.
#[derive(Debug, Default)]
pub(super) struct Turns {
    classes: [Class; 3],
    /// When the turn began that was taken last.
    now: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Class {
    /// How many wait.
    waiting: u32,
    /// When its next turn begins.
    begins: u64,
}

fn index(priority: Priority) -> usize {
    match priority {
        Priority::Interactive => 0,
        Priority::Realtime => 1,
        Priority::Background => 2,
    }
}

impl Turns {
    /// Notes that somebody waits. Who comes after a while has saved nothing up.
    pub(super) fn enter(&mut self, priority: Priority) {
        let now = self.now;
        if let Some(class) = self.classes.get_mut(index(priority)) {
            if class.waiting == 0 {
                class.begins = class.begins.max(now);
            }
            class.waiting += 1;
        }
    }

    /// Notes that somebody waits no more.
    pub(super) fn leave(&mut self, priority: Priority) {
        if let Some(class) = self.classes.get_mut(index(priority)) {
            class.waiting = class.waiting.saturating_sub(1);
        }
    }

    /// Returns whether nobody who waits has a better right; among equals the more urgent has.
    pub(super) fn is_next(&self, priority: Priority) -> bool {
        let waiting = self.classes.iter().zip(PRICES).enumerate();
        let waiting = waiting.filter(|(_, (class, _))| class.waiting > 0);
        let first = waiting.min_by_key(|(_, (class, price))| class.begins.saturating_add(*price));
        first.is_none_or(|(place, _)| place == index(priority))
    }

    /// Notes that a slot was taken.
    pub(super) fn charge(&mut self, priority: Priority, cost: u32) {
        let at = index(priority);
        if let (Some(class), Some(price)) = (self.classes.get_mut(at), PRICES.get(at)) {
            self.now = self.now.max(class.begins);
            class.begins = class.begins.saturating_add(price.saturating_mul(u64::from(cost)));
        }
    }
}
