//! The paths in Rust code: in imports, with their groups, and in all other code.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Returns every path in code from the crate's root, as its segments: `crate` is left out, `super` and `self` are
/// resolved. A path of another crate, or of a name in scope, begins with an empty segment. `module` is the file's.
///
/// # Errors
/// If the code is not Rust.
pub(super) fn paths(code: &str, module: &[String]) -> Result<Vec<Vec<String>>> {
    let tokens: TokenStream = code.parse().map_err(|error| anyhow!("it is not Rust: {error}"))?;
    let mut found = Vec::new();
    walk(tokens, module, &mut found);
    Ok(found)
}

/// Adds the paths in the code of a module.
fn walk(tokens: TokenStream, here: &[String], found: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += match (token, &tokens[at + 1..]) {
            (TokenTree::Ident(word), [TokenTree::Ident(name), TokenTree::Group(body), ..])
                if word == "mod" && body.delimiter() == Delimiter::Brace =>
            {
                walk(body.stream(), &[here, &[name.to_string()]].concat(), found);
                3
            }
            (TokenTree::Ident(word), rest) if word == "use" => 1 + import(rest, &[], here, found),
            (TokenTree::Group(group), _) => {
                walk(group.stream(), here, found);
                1
            }
            (TokenTree::Ident(_), _) => path(&tokens[at..], here, found),
            // `::` before a crate's name.
            (TokenTree::Punct(_), rest) if is_colons(&tokens[at..]) => 2 + path(&rest[1..], here, found),
            _ => 1,
        };
    }
}

/// Adds the path at the start of the tokens, if it has several segments. Returns the number of its tokens.
fn path(tokens: &[TokenTree], here: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at) = (Vec::new(), 0);
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path.push(name.to_string());
        at += 1;
        if !is_colons(&tokens[at..]) {
            break;
        }
        at += 2;
    }
    if path.len() > 1 {
        found.push(resolved(&path, here));
    }
    at
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [one, other, ..] if is(one, ':') && is(other, ':'))
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Adds the paths of an import, or of a part of it behind `before`. Returns the number of its tokens.
fn import(tokens: &[TokenTree], before: &[String], here: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at) = (before.to_vec(), 0);
    while let Some(token) = tokens.get(at) {
        match token {
            // The other name follows.
            TokenTree::Ident(word) if word == "as" => at += 1,
            TokenTree::Ident(name) => path.push(name.to_string()),
            TokenTree::Group(group) => {
                let list: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in list.split(|token| is(token, ',')) {
                    import(part, &path, here, found);
                }
                return at + 1;
            }
            token if is(token, '*') => path.push("*".to_owned()),
            token if is(token, ':') => {}
            _ => break,
        }
        at += 1;
    }
    if path.len() > before.len() {
        found.push(resolved(&path, here));
    }
    at
}

/// Returns the path from the crate's root.
fn resolved(path: &[String], here: &[String]) -> Vec<String> {
    let (mut place, rest) = match path[0].as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" | "super" => (here.to_vec(), path),
        _ => (vec![String::new()], path),
    };
    for segment in rest {
        match segment.as_str() {
            "super" => {
                place.pop();
            }
            "self" => {}
            name => place.push(name.to_owned()),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[track_caller]
    fn found(code: &str, expected: &[&str]) {
        let module = ["store".to_owned(), "line".to_owned()];
        let found: Vec<String> = paths(code, &module).unwrap().iter().map(|path| path.join("::")).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn a_group_is_its_paths() {
        found("use crate::{a::b, c, d::{e, f::*}, g as h};", &["a::b", "c", "d::e", "d::f::*", "g"]);
        found("pub(crate) use {crate::a::{self, b}, http};", &["a", "a::b", "::http"]);
    }

    #[test]
    fn super_and_self_lead_from_the_module_of_the_code() {
        found(
            "use super::super::http::X; use super::item; use self::y;",
            &["http::X", "store::item", "store::line::y"],
        );
        found("mod tests { use super::super::super::http; } use super::z;", &["http", "store::z"]);
        found("use super::{super::http, item};", &["http", "store::item"]);
    }

    #[test]
    fn expressions_types_and_attributes_have_paths() {
        found("fn f() -> crate::a::B { let x = crate::c::d(super::super::e::F); }", &["a::B", "c::d", "e::F"]);
        found(
            "#[error(\"no\", max = crate::limits::BODY)] struct X(::http::Method);",
            &["limits::BODY", "::http::Method"],
        );
    }

    #[test]
    fn texts_and_comments_have_none() {
        found("// crate::a::b\n/* crate::c /* crate::d */ */ /// crate::e\n", &[]);
        found(
            r####"let x = ("crate::a \" crate::b", r#"crate::c" "#, b"crate::d", '"', '\'', crate::e::f);"####,
            &["e::f"],
        );
        found("fn f<'a>(x: &'a str) { my_crate::x }", &["::my_crate::x"]);
    }
}
