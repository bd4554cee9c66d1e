//! The client over real sockets: the loop, renewal, batches.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod recorder;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod site;
#[cfg(test)]
mod writes;
