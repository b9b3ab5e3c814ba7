//! Paths: which pattern a path is of, and the values of its parameters.

use std::borrow::Cow;

/// A path's pattern and the values of its parameters, percent-decoded.
#[derive(Debug)]
pub(super) struct PathMatch {
    /// The pattern, such as `/{resource}/{id}`.
    pub(super) pattern: &'static str,
    /// Names and values.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// The segment of a record, as it arrived.
    pub(super) record: Option<String>,
}

impl PathMatch {
    /// Finds the pattern of a path. A literal segment comes before a parameter.
    pub(crate) fn find(patterns: impl Iterator<Item = &'static str>, path: &str) -> Option<PathMatch> {
        let path = &*without_dots(path);
        let matching = patterns.filter_map(|pattern| Some((pattern, parameters(pattern, path)?)));
        let (pattern, parameters) = matching.min_by_key(|(_, parameters)| parameters.len())?;
        let place = pattern.split('/').position(|segment| segment == "{id}");
        let record = place.and_then(|place| path.split('/').nth(place)).map(str::to_owned);
        Some(PathMatch { pattern, parameters, record })
    }
}

/// The path without `.` and `..`, escaped or not: some hosts remove them before ripple is asked (RFC 3986 §5.2.4, and
/// the URL Standard of browsers and Workers), so all do.
fn without_dots(path: &str) -> Cow<'_, str> {
    let dots = |segment: &str| match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
        "." => Some(1),
        ".." => Some(2),
        _ => None,
    };
    if !path.split('/').any(|segment| dots(segment).is_some()) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dots(segment) {
            None => kept.push(segment),
            Some(count) => {
                if count == 2 {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

fn parameters(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(_) if given.is_empty() => return None,
                Some(name) => {
                    let value = percent_encoding::percent_decode_str(given).decode_utf8_lossy();
                    parameters.push((name, value.into_owned()));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}
