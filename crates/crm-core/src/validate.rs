//! Checks for forms and imports: is this an address, is this a number?

use email_address::{EmailAddress, Options};

use crate::Region;

/// Returns whether the text is an e-mail address that mail can be sent to over the internet:
/// a local part, one `@`, a domain with a dot. International names are accepted (RFC 6531).
pub fn validate_email(text: &str) -> bool {
    let options =
        Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(text, options).is_ok()
}

/// Returns whether the text is a phone number that exists in the numbering plan of its country;
/// `region` is used where the number names none.
pub fn validate_phone(text: &str, region: Region) -> bool {
    phonenumber::parse(Some(region.id()), text.trim()).is_ok_and(|number| number.is_valid())
}

#[cfg(test)]
mod tests;
