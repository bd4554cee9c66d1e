//! Fakes of the CRMs, contract suites, and the simulation's world.

pub mod clock;
pub mod contract;
pub mod dialect;
pub mod fake;
pub mod fault;
pub mod fixture;
pub mod memory;
pub mod people;
pub mod quota;
pub mod sandbox;
pub mod scene;
pub mod serve;
pub mod simulation;
pub mod soql;
pub mod world;
