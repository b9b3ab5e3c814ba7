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
        let matching = patterns.filter(|pattern| fits(pattern, path));
        let pattern = matching.min_by_key(|pattern| pattern.matches('{').count())?;
        let parameters = parameters(pattern, path);
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
    if !path.contains(['.', '%']) || !path.split('/').any(|segment| dots(segment).is_some()) {
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

/// Reports whether a path is of a pattern. A parameter is never empty.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            (Some(wanted), Some(given)) if wanted == given && !wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn parameters(pattern: &'static str, path: &str) -> Vec<(&'static str, String)> {
    let parameter = |(wanted, given): (&'static str, &str)| {
        let name = wanted.strip_prefix('{')?.strip_suffix('}')?;
        Some((name, percent_encoding::percent_decode_str(given).decode_utf8_lossy().into_owned()))
    };
    pattern.split('/').zip(path.split('/')).filter_map(parameter).collect()
}
