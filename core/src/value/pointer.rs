//! Tokens of JSON Pointers (RFC 6901).

/// Adds a slash and a token that stands for a name.
pub(crate) fn push_token(pointer: &mut String, name: &str) {
    pointer.push('/');
    if !name.contains(['~', '/']) {
        return pointer.push_str(name);
    }
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Returns the name that a token stands for. Returns `None` if it has a `~` before something else than 0 and 1.
pub(crate) fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        name.push(if part.starts_with('0') { '~' } else { '/' });
        name.push_str(part.strip_prefix(['0', '1'])?);
    }
    Some(name)
}
