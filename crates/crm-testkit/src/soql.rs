//! The query language of the Salesforce fake: tokens, a tree, and an evaluator over abstract rows.
//!
//! The subset is the one that clients send; everything else is refused as `MALFORMED_QUERY` with
//! the token that was not understood, because a fake that guesses hides mistakes of its callers.

pub mod ast;
pub mod bind;
pub mod cell;
pub mod moment;
mod parse;
pub mod problem;
mod render;
pub mod run;
pub mod schema;
mod token;

pub use ast::Query;
pub use parse::parse;
pub use problem::Problem;
pub use token::moment as read_moment;
