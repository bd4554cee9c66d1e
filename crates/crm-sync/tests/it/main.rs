//! Tests of the engine through its public face.

#[cfg(test)]
mod conflict;
#[cfg(test)]
mod deletes;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod oscillation;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod preflight;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod town;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod world;
