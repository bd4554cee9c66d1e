//! The bridge between typed structs, which people read, and [`Fields`], which travel.

use crate::{Fields, Normalizer, ObjectKind};

/// A typed view of the fields of one kind.
pub trait Object: Sized {
    /// What the struct is.
    const KIND: ObjectKind;

    /// Reads the struct from fields; unknown fields and values of another type are left out.
    fn from_fields(fields: &Fields) -> Self;

    /// Returns the fields, in normal form.
    fn to_fields(&self, normalizer: Normalizer) -> Fields;
}
