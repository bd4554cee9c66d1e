//! Tests of the engine through its public face.

#[cfg(test)]
mod append;
#[cfg(test)]
mod conflict;
#[cfg(test)]
mod deletes;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod merged;
#[cfg(test)]
mod mirror;
#[cfg(all(test, crm_mutants))]
mod mutants;
#[cfg(test)]
mod oscillation;
#[cfg(test)]
mod pause;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod preflight;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod town;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod workers;
#[cfg(test)]
mod world;
