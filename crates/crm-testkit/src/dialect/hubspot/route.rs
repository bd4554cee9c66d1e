//! Which part of the API a path means, whatever its version.

use http::Method;

use super::kind::Kind;
use super::{DAILY, SEARCH, TEN_SECONDLY};
use crate::fake::{Call, Lane};

/// The date versions that are served alike.
const DATED: [&str; 2] = ["2026-09", "2026-03"];

/// A part of the API and what follows in the path.
#[derive(Debug)]
pub(super) enum Route<'a> {
    /// Records, from the type on.
    Objects(&'a [&'a str]),
    /// Associations in batches, from the first type on.
    Associations(&'a [&'a str]),
    /// Property definitions, from the type on.
    Properties(&'a [&'a str]),
    /// Owners.
    Owners(&'a [&'a str]),
    /// Pipelines, from the type on.
    Pipelines(&'a [&'a str]),
    /// The account.
    Account,
    /// OAuth; version and the rest.
    OAuth(OAuth<'a>),
}

/// A resource of the OAuth API.
#[derive(Clone, Copy, Debug)]
pub(super) enum OAuth<'a> {
    /// The token endpoint of a date version.
    Token,
    /// What a token is.
    Introspect,
    /// Ends a token.
    Revoke,
    /// The old token endpoint.
    OldToken,
    /// An access token, by the old path.
    OldAccess(&'a str),
    /// A refresh token, by the old path.
    OldRefresh(&'a str),
}

impl<'a> Route<'a> {
    /// Returns the part of the API that a path means.
    pub(super) fn of(segments: &'a [&'a str]) -> Option<Self> {
        let route = match segments {
            ["crm", "v3", area, rest @ ..] => Self::crm(area, rest)?,
            ["crm", "v4", "associations", rest @ ..] => Self::Associations(rest),
            ["crm", "v4", "objects", rest @ ..] if rest.get(2) == Some(&"associations") => {
                Self::Objects(rest)
            }
            ["crm", area, version, rest @ ..] if DATED.contains(version) => Self::crm(area, rest)?,
            ["account-info", version, "details"] if *version == "v3" || DATED.contains(version) => {
                Self::Account
            }
            ["oauth", "v1", "token"] => Self::OAuth(OAuth::OldToken),
            ["oauth", "v1", "access-tokens", token] => Self::OAuth(OAuth::OldAccess(token)),
            ["oauth", "v1", "refresh-tokens", token] => Self::OAuth(OAuth::OldRefresh(token)),
            ["oauth", version, rest @ ..] if DATED.contains(version) => match rest {
                ["token"] => Self::OAuth(OAuth::Token),
                ["token", "introspect"] => Self::OAuth(OAuth::Introspect),
                ["token", "revoke"] => Self::OAuth(OAuth::Revoke),
                _ => return None,
            },
            _ => return None,
        };
        Some(route)
    }

    fn crm(area: &str, rest: &'a [&'a str]) -> Option<Self> {
        match area {
            "objects" => Some(Self::Objects(rest)),
            "associations" => Some(Self::Associations(rest)),
            "properties" => Some(Self::Properties(rest)),
            "owners" => Some(Self::Owners(rest)),
            "pipelines" => Some(Self::Pipelines(rest)),
            _ => None,
        }
    }
}

/// Returns how a request is counted: the same name for all versions of a path.
pub(super) fn lane(call: &Call<'_>) -> Lane {
    let segments = call.segments();
    let method = call.method();
    let (path, windows): (String, &'static [&'static str]) = match Route::of(&segments) {
        None => ("(unknown)".to_owned(), &[]),
        Some(Route::OAuth(oauth)) => {
            let path = match oauth {
                OAuth::Token | OAuth::OldToken => "/oauth/token",
                OAuth::Introspect => "/oauth/token/introspect",
                OAuth::Revoke => "/oauth/token/revoke",
                OAuth::OldAccess(_) => "/oauth/access-tokens/{token}",
                OAuth::OldRefresh(_) => "/oauth/refresh-tokens/{token}",
            };
            (path.to_owned(), &[])
        }
        Some(Route::Objects(rest)) => {
            let search = matches!(rest, [_, "search"]) && method == Method::POST;
            let windows: &[&str] = if search { &[SEARCH, DAILY] } else { &[TEN_SECONDLY, DAILY] };
            (format!("/crm/objects{}", objects_path(call, rest)), windows)
        }
        Some(Route::Associations(rest)) => {
            (format!("/crm/associations{}", associations_path(rest)), &[TEN_SECONDLY, DAILY])
        }
        Some(Route::Properties(rest)) => {
            (format!("/crm/properties{}", schema_path(rest)), &[TEN_SECONDLY, DAILY])
        }
        Some(Route::Owners(_)) => ("/crm/owners".to_owned(), &[TEN_SECONDLY, DAILY]),
        Some(Route::Pipelines(_)) => ("/crm/pipelines".to_owned(), &[TEN_SECONDLY, DAILY]),
        Some(Route::Account) => ("/account-info/details".to_owned(), &[TEN_SECONDLY, DAILY]),
    };
    Lane { endpoint: format!("{method} {path}"), windows, cost: 1 }
}

fn objects_path(call: &Call<'_>, rest: &[&str]) -> String {
    let [kind, rest @ ..] = rest else {
        return String::new();
    };
    let kind = Kind::named(kind).map_or("{unknown}", |kind| kind.plural);
    match rest {
        [] if call.query("archived") == Some("true") => format!("/{kind}?archived"),
        [] => format!("/{kind}"),
        ["batch", action] => format!("/{kind}/batch/{action}"),
        [action @ ("search" | "merge" | "gdpr-delete")] => format!("/{kind}/{action}"),
        [_] => format!("/{kind}/{{id}}"),
        [_, ..] => format!("/{kind}/{{id}}/…"),
    }
}

/// Named from the action on, so that a part of it is not taken for a call about records.
fn associations_path(rest: &[&str]) -> String {
    let [from, to, action @ ..] = rest else {
        return String::new();
    };
    let plural = |name: &str| Kind::named(name).map_or("{unknown}", |kind| kind.plural);
    format!("/{} ({} to {})", action.join("/"), plural(from), plural(to))
}

fn schema_path(rest: &[&str]) -> String {
    let [kind, rest @ ..] = rest else {
        return String::new();
    };
    let kind = Kind::named(kind).map_or("{unknown}", |kind| kind.plural);
    match rest {
        [] => format!("/{kind}"),
        ["batch", action] => format!("/{kind}/batch/{action}"),
        ["groups", ..] => format!("/{kind}/groups"),
        [_, ..] => format!("/{kind}/{{name}}"),
    }
}
