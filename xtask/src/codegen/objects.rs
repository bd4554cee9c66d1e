//! `crm-core/src/generated/KIND.rs`: the typed struct of a kind, from and to fields.

use super::rust;
use super::schema::{Field, Kind, Type};

/// Writes the file, not yet formatted.
pub(super) fn write(kind: &Kind) -> String {
    let name = rust::camel_case(kind.name);
    let members: Vec<String> = kind
        .fields
        .iter()
        .map(|field| {
            let Field { doc, ty, .. } = field;
            format!("/// {doc}\npub {}: Option<{}>,\n", member(field), member_type(ty))
        })
        .collect();
    let reads: String = kind.fields.iter().map(read).collect();
    let writes: String = kind.fields.iter().map(write_field).collect();
    format!(
        "{header}{imports}\n\
         /// {doc}\n\
         #[derive(Clone, Debug, Default, PartialEq)]\n\
         #[non_exhaustive]\n\
         pub struct {name} {{ {} }}\n\n\
         impl Object for {name} {{\n\
         const KIND: ObjectKind = ObjectKind::{name};\n\n\
         fn from_fields(fields: &Fields) -> Self {{\n\
         let mut object = Self::default();\n\
         for (field, value) in fields.iter() {{\n\
         match (field, value) {{ {reads} _ => {{}} }}\n\
         }}\n\
         object\n\
         }}\n\n\
         fn to_fields(&self, normalizer: Normalizer) -> Fields {{\n\
         let mut fields = Fields::with_capacity({count});\n\
         {writes}\
         fields\n\
         }}\n\
         }}\n",
        members.join(""),
        header = rust::header(&format!("`{name}`."), "schema.toml"),
        imports = imports(kind),
        doc = kind.doc,
        count = kind.fields.len(),
    )
}

fn imports(kind: &Kind) -> String {
    let has = |wanted: &[Type]| kind.fields.iter().any(|field| wanted.contains(&field.ty));
    let refers = kind
        .fields
        .iter()
        .any(|field| matches!(field.ty, Type::Reference(_) | Type::References(_)));
    let mut ours = vec!["Field", "Fields", "Normalizer", "Object", "ObjectKind", "Value"];
    if has(&[Type::Text, Type::Email, Type::Phone, Type::Url]) {
        ours.push("FieldType");
    }
    if refers {
        ours.push("Ref");
    }
    let mut lines = format!("use crate::{{{}}};\n", ours.join(", "));
    for (types, line) in [
        (&[Type::Instant][..], "use jiff::Timestamp;\n"),
        (&[Type::Date], "use jiff::civil::Date;\n"),
        (&[Type::Decimal, Type::Money], "use rust_decimal::Decimal;\n"),
    ] {
        if has(types) {
            lines.push_str(line);
        }
    }
    lines
}

/// `type` is a word of the language.
fn member(field: &Field) -> &str {
    if field.name == "type" { "kind" } else { &field.name }
}

fn member_type(ty: &Type) -> &'static str {
    match ty {
        Type::Text | Type::Email | Type::Phone | Type::Url | Type::Choice(_) => "String",
        Type::Integer => "i64",
        Type::Decimal | Type::Money => "Decimal",
        Type::Bool => "bool",
        Type::Date => "Date",
        Type::Instant => "Timestamp",
        Type::List => "Vec<String>",
        Type::Reference(_) => "Ref",
        Type::References(_) => "Vec<Ref>",
    }
}

/// Writes the arm that takes a value out of the fields.
fn read(field: &Field) -> String {
    let (pattern, value) = match field.ty {
        Type::Text | Type::Email | Type::Phone | Type::Url => {
            ("Text(text)", "text.raw().to_owned()")
        }
        Type::Choice(_) => ("Choice(name)", "name.to_string()"),
        Type::Integer => ("Integer(value)", "*value"),
        Type::Decimal | Type::Money => ("Decimal(value)", "*value"),
        Type::Bool => ("Bool(value)", "*value"),
        Type::Date => ("Date(value)", "*value"),
        Type::Instant => ("Instant(value)", "*value"),
        Type::List => {
            ("List(values)", "values.iter().filter_map(Value::as_str).map(str::to_owned).collect()")
        }
        Type::Reference(_) => ("Ref(to)", "to.clone()"),
        Type::References(_) => {
            ("List(values)", "values.iter().filter_map(Value::as_reference).cloned().collect()")
        }
    };
    let assign = format!("object.{} = Some({value})", member(field));
    format!("({}, Value::{pattern}) => {assign},\n", rust::field(&field.name))
}

/// Writes the statement that puts a value into the fields.
fn write_field(field: &Field) -> String {
    let member = member(field);
    let value = match field.ty {
        Type::Text | Type::Email | Type::Phone | Type::Url => format!(
            "self.{member}.as_deref().and_then(|raw| normalizer.text(FieldType::{}, raw))",
            rust::camel_case(field.ty.word())
        ),
        Type::Choice(_) => {
            format!("self.{member}.as_deref().map(|name| Value::Choice(name.into()))")
        }
        Type::Integer => format!("self.{member}.map(Value::Integer)"),
        Type::Decimal | Type::Money => format!("self.{member}.map(Value::Decimal)"),
        Type::Bool => format!("self.{member}.map(Value::Bool)"),
        Type::Date => format!("self.{member}.map(Value::Date)"),
        Type::Instant => format!("self.{member}.map(Value::Instant)"),
        Type::List => format!(
            "self.{member}.as_ref().map(|names| {{\n\
             let mut values: Vec<Value> = names.iter().map(|n| Value::text(n.as_str())).collect();\n\
             values.sort();\n\
             values.dedup();\n\
             Value::List(values)\n\
             }})"
        ),
        Type::References(_) => format!(
            "self.{member}.as_ref().map(|members| {{\n\
             let mut values: Vec<Value> = members.iter().cloned().map(Value::Ref).collect();\n\
             values.sort();\n\
             values.dedup();\n\
             Value::List(values)\n\
             }})"
        ),
        Type::Reference(_) => format!("self.{member}.clone().map(Value::Ref)"),
    };
    format!("fields.set({}, {value});\n", rust::field(&field.name))
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::sample;
    use super::*;
    use crate::shell::Workspace;

    #[test]
    fn every_kind_of_the_sample_is_rust() {
        let root = Workspace::find().unwrap().root;
        for kind in &sample().kinds {
            rust::format(&root, kind.name, &write(kind)).unwrap();
        }
    }

    #[test]
    fn only_what_is_used_is_imported() {
        let schema = sample();
        let source = |name: &str| write(schema.kind(name).unwrap());
        assert!(source("contact").contains("use jiff::civil::Date;"));
        assert!(!source("company").contains("jiff"));
        assert!(source("company").contains("use rust_decimal::Decimal;"));
        assert!(!source("deal").contains("FieldType"));
    }

    #[test]
    fn a_word_of_the_language_is_renamed() {
        let source = write(sample().kind("activity").unwrap());
        assert!(source.contains("pub kind: Option<String>"));
        assert!(source.contains("(Field::TYPE, Value::Choice(name)) => object.kind"));
    }
}
