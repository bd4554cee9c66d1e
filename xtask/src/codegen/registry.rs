//! `crm/src/generated/registry.rs`: the rooms, each under its feature.

use super::rust;

/// Writes the file, not yet formatted.
pub(super) fn write(rooms: &[&str]) -> String {
    let entries: Vec<String> = rooms
        .iter()
        .map(|room| {
            let krate = room.replace('-', "_");
            format!(
                "#[cfg(feature = {})] crm_provider_{krate}::REGISTRATION,\n",
                rust::literal(room)
            )
        })
        .collect();
    format!(
        "{header}use crm_http::Registration;\n\n\
         /// Every room whose feature is on.\n\
         pub(crate) static REGISTRY: &[Registration] = &[{entries}];\n",
        header = rust::header("The rooms.", "crates/"),
        entries = entries.join(""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Workspace;

    #[test]
    fn each_room_stands_under_its_feature() {
        let root = Workspace::find().unwrap().root;
        let source = rust::format(&root, "registry.rs", &write(&["ant", "bee"])).unwrap();
        let at = |text: &str| source.find(text).unwrap();
        assert!(at("#[cfg(feature = \"ant\")]") < at("crm_provider_ant::REGISTRATION"));
        assert!(at("crm_provider_ant::REGISTRATION") < at("#[cfg(feature = \"bee\")]"));
    }
}
