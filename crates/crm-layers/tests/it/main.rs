//! The layers around a mocked room: what reaches it, and what comes back.

#[cfg(test)]
mod breaking;
#[cfg(test)]
mod guarding;
#[cfg(test)]
mod room;
#[cfg(test)]
mod stacking;
