//! Tests of the engine through its public face.

#[cfg(test)]
mod reconcile;
