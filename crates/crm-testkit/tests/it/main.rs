//! The kit's own tests: the fakes against the facts of their vendors, directly and over sockets.

#[cfg(test)]
mod hubspot;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod people;
#[cfg(test)]
mod salesflare;
#[cfg(test)]
mod salesforce;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod zoho;
