//! Tests of the engine through its public face.

#[cfg(test)]
mod explain;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod undo;
