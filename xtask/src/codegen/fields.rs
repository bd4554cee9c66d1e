//! `crm-core/src/generated/schema.rs`: the constants and tables of fields.

use super::rust;
use super::schema::{Field, Kind, Schema, Type};

/// Writes the file, not yet formatted.
pub(super) fn write(schema: &Schema) -> String {
    let mut names: Vec<(&str, u16)> = schema.numbers().into_iter().collect();
    let by_name =
        entries(&names, |(name, number)| format!("({}, Field({number}))", rust::literal(name)));
    names.sort_by_key(|(_, number)| *number);
    let by_number =
        entries(&names, |(name, number)| format!("({number}, {})", rust::literal(name)));
    let constants: String = names.iter().map(|(name, number)| constant(name, *number)).collect();
    let arms: Vec<String> = schema
        .kinds
        .iter()
        .map(|kind| format!("ObjectKind::{} => {},", variant(kind), table_name(kind)))
        .collect();
    let tables: String = schema.kinds.iter().map(table).collect();
    format!(
        "{header}use crate::{{Field, FieldSpec, FieldType, ObjectKind}};\n\n\
         impl Field {{ {constants} }}\n\n\
         /// The names, by number.\n\
         pub(crate) static NAMES: &[(u16, &str)] = &[{by_number}];\n\n\
         /// The fields, by name.\n\
         pub(crate) static BY_NAME: &[(&str, Field)] = &[{by_name}];\n\n\
         /// Returns the fields of a kind, by number.\n\
         pub(crate) const fn fields(kind: ObjectKind) -> &'static [FieldSpec] {{\n\
         match kind {{ {} }}\n\
         }}\n{tables}",
        arms.join(""),
        header = rust::header("The fields of every kind.", "schema.toml"),
    )
}

fn constant(name: &str, number: u16) -> String {
    format!("/// `{name}`.\npub const {}: Self = Self({number});\n", name.to_ascii_uppercase())
}

fn entries<T>(items: &[T], entry: impl Fn(&T) -> String) -> String {
    items.iter().map(entry).collect::<Vec<_>>().join(", ")
}

fn table(kind: &Kind) -> String {
    let specs: String = kind.fields.iter().map(|field| spec(kind, field)).collect();
    format!("\nstatic {}: &[FieldSpec] = &[{specs}];\n", table_name(kind))
}

fn spec(kind: &Kind, field: &Field) -> String {
    format!(
        "FieldSpec {{ kind: ObjectKind::{kind}, field: {constant}, name: {name}, ty: {ty}, \
         pii: {pii}, opt_in: {opt_in}, doc: {doc} }},",
        kind = variant(kind),
        constant = rust::field(&field.name),
        name = rust::literal(&field.name),
        ty = ty(&field.ty),
        pii = field.pii,
        opt_in = field.opt_in,
        doc = rust::literal(&field.doc),
    )
}

/// Returns the type as `FieldType` spells it.
pub(super) fn ty(ty: &Type) -> String {
    match ty {
        Type::Choice(choices) => {
            let names: Vec<String> = choices.iter().map(|name| rust::literal(name)).collect();
            format!("FieldType::Choice(&[{}])", names.join(", "))
        }
        Type::Reference(to) => {
            format!("FieldType::Reference(ObjectKind::{})", rust::camel_case(to))
        }
        Type::References(to) => {
            format!("FieldType::References(ObjectKind::{})", rust::camel_case(to))
        }
        Type::Text
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Integer
        | Type::Decimal
        | Type::Money
        | Type::Bool
        | Type::Date
        | Type::Instant
        | Type::List => format!("FieldType::{}", rust::camel_case(ty.word())),
    }
}

/// Returns the kind as `ObjectKind` spells it.
pub(super) fn variant(kind: &Kind) -> String {
    rust::camel_case(kind.name)
}

fn table_name(kind: &Kind) -> String {
    kind.name.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::sample;
    use super::*;

    #[test]
    fn tables_are_sorted_for_binary_search() {
        let source = write(&sample());
        let at = |text: &str| source.find(text).unwrap_or_else(|| panic!("{text}"));
        assert!(at("(2, \"revenue\")") < at("(10, \"email\")"));
        assert!(at("(\"age\", Field(13))") < at("(\"born\", Field(16))"));
        assert!(at("pub const NAME: Self = Self(1);") < at("pub const TYPE: Self = Self(30);"));
    }

    #[test]
    fn types_carry_their_arguments() {
        let source = write(&sample());
        assert!(source.contains("FieldType::Choice(&[\"new\", \"won\"])"));
        assert!(source.contains("FieldType::Reference(ObjectKind::Company)"));
        assert!(source.contains("ty: FieldType::Email, pii: true"));
    }
}
