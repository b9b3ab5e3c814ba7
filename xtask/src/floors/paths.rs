//! The paths in Rust code: in imports, with their groups, and in all other code.

/// A part of code that matters for paths.
#[derive(Debug, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str),
    /// `::`
    Colons,
    Other(char),
}

/// Returns every path in code from the crate's root, as its segments: `crate` is left out, `super` and `self` are
/// resolved. A path of another crate, or of a name in scope, begins with an empty segment. `module` is the file's.
pub(super) fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    // The modules in the file that are open, each with the number of braces around it.
    let (mut inner, mut depth) = (Vec::<(String, usize)>::new(), 0_usize);
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [Token::Name("mod"), Token::Name(name), Token::Other('{'), ..] => {
                inner.push(((*name).to_owned(), depth));
                depth += 1;
                at += 3;
            }
            [Token::Other('{'), ..] => {
                depth += 1;
                at += 1;
            }
            [Token::Other('}'), ..] => {
                depth = depth.saturating_sub(1);
                if inner.last().is_some_and(|(_, outside)| *outside == depth) {
                    inner.pop();
                }
                at += 1;
            }
            [Token::Name("use"), ..] => {
                let here: Vec<String> =
                    module.iter().cloned().chain(inner.iter().map(|(name, _)| name.clone())).collect();
                at = tree(&tokens, at + 1, &[], &here, &mut found);
            }
            [Token::Name(_) | Token::Colons, ..] => {
                let here: Vec<String> =
                    module.iter().cloned().chain(inner.iter().map(|(name, _)| name.clone())).collect();
                let mut path = Vec::new();
                while let Some(Token::Name(_) | Token::Colons) = tokens.get(at) {
                    if let Token::Name(name) = tokens[at] {
                        path.push(name);
                        at += 1;
                        if tokens.get(at) != Some(&Token::Colons) {
                            break;
                        }
                    } else {
                        at += 1;
                    }
                }
                if path.len() > 1 {
                    found.push(resolved(&path, &here));
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads the tree of an import from a place on. Returns the place after it.
fn tree<'t>(
    tokens: &[Token<'t>],
    mut at: usize,
    before: &[&'t str],
    here: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Name("as") => at += 2,
            Token::Name(name) => {
                path.push(name);
                at += 1;
            }
            Token::Colons => at += 1,
            Token::Other('*') => {
                path.push("*");
                at += 1;
            }
            Token::Other('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != Token::Other('}')) {
                    at = tree(tokens, at, &path, here, found);
                    if matches!(tokens.get(at), Some(Token::Other(',' | ';'))) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Token::Other(_) => break,
        }
    }
    if path.len() > before.len() {
        found.push(resolved(&path, here));
    }
    // A character that no import has must not hold the reader up.
    if tokens.get(at).is_some_and(|token| !matches!(token, Token::Other('}' | ',' | ';'))) { at + 1 } else { at }
}

/// Returns the path from the crate's root.
fn resolved(path: &[&str], here: &[String]) -> Vec<String> {
    let mut place = here.to_vec();
    let rest = match path[0] {
        "crate" => {
            place.clear();
            &path[1..]
        }
        "self" => &path[1..],
        "super" => path,
        _ => {
            place = vec![String::new()];
            path
        }
    };
    for segment in rest {
        match *segment {
            "super" => {
                place.pop();
            }
            "self" => {}
            name => place.push(name.to_owned()),
        }
    }
    place
}

/// Returns the tokens of code without comments, texts and characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = text(rest) {
            length
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(&rest[..end]));
            end
        } else if rest.starts_with("::") {
            tokens.push(Token::Colons);
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Other(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of a block comment, in which others may be.
fn block_comment(code: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < code.len() {
        if code[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if code[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += code[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Returns the length of a text or a character at the start of code. Returns `None` if there is none.
fn text(code: &str) -> Option<usize> {
    let start = code.trim_start_matches(['b', 'c']);
    let prefix = code.len() - start.len();
    if prefix <= 1
        && let Some(raw) = start.strip_prefix('r')
    {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        if raw[marks..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(marks));
            let length = raw[marks + 1..].find(&end).map_or(raw.len(), |at| marks + 1 + at + end.len());
            return Some(prefix + 1 + length);
        }
    }
    if prefix <= 1 && start.starts_with('"') {
        return Some(prefix + quoted(start, '"'));
    }
    if prefix <= 1 && start.starts_with('\'') {
        // A lifetime has no second mark after its first letter.
        let mut letters = start[1..].chars();
        let (first, second) = (letters.next()?, letters.next()?);
        return (first == '\\' || second == '\'').then(|| prefix + quoted(start, '\''));
    }
    None
}

fn quoted(code: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in code.char_indices().skip(1) {
        match letter {
            letter if letter == mark && !is_escaped => return at + letter.len_utf8(),
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[track_caller]
    fn found(code: &str, expected: &[&str]) {
        let module = ["store".to_owned(), "line".to_owned()];
        let found: Vec<String> = paths(code, &module).iter().map(|path| path.join("::")).collect();
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
