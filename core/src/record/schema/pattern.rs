//! Patterns: the part of regular expressions that ECMA-262 and `regex-lite` share, translated from one to the other.
//!
//! The translation estimates the memory of the compiled pattern, so an accepted pattern always compiles. A pattern is
//! compiled when it is first tried: a host that checks no values compiles none.

use std::fmt;
use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};

/// Characters of a pattern.
const LENGTH: usize = 256;
/// Nested groups.
const DEPTH: u32 = 32;
/// The greatest number in `{m,n}`.
const REPEATS: u32 = 100;
/// Bytes of a compiled pattern: about 400 states. A search takes time in proportion to states and text.
const SIZE: usize = 16 * 1024;
/// Bytes of one state in regex-lite 0.1, rounded up.
const STATE: usize = 40;
/// Bytes of a range of characters, or of two branches, in a state.
const RANGE: usize = 8;

/// A pattern that a text is searched for.
///
/// ```
/// use ripple_core::record::schema::Pattern;
///
/// let pattern = Pattern::parse("^[0-9]+$").unwrap();
/// assert!(pattern.is_match("42") && !pattern.is_match("4 2"));
/// assert_eq!(Pattern::parse("(?=a)").unwrap_err(), "lookahead is not supported");
/// ```
#[derive(Clone)]
pub struct Pattern {
    source: String,
    translated: String,
    /// States of the compiled pattern, at most.
    states: usize,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// Reads a pattern. It is not compiled.
    ///
    /// # Errors
    /// What is not supported, as a rule for the pattern's author.
    pub fn parse(source: &str) -> Result<Pattern, String> {
        if source.chars().count() > LENGTH {
            return Err(format!("must have at most {LENGTH} characters"));
        }
        let mut translator = Translator { rest: source, translated: String::new(), depth: 0 };
        let size = translator.alternatives()?;
        if !translator.rest.is_empty() {
            return Err("a ) closes no group".to_owned());
        }
        // Beside the pattern there are a group for the whole match and the final state.
        if size.saturating_add(4 * STATE) > SIZE {
            return Err("is too large when compiled (16 KiB)".to_owned());
        }
        let (source, states) = (source.to_owned(), size.div_ceil(STATE));
        Ok(Pattern { source, translated: translator.translated, states, compiled: OnceLock::new() })
    }

    /// Returns the pattern as its author wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns the steps that a search of a text takes at most: states times bytes.
    pub(super) fn steps(&self, text: &str) -> u64 {
        self.states as u64 * text.len() as u64
    }

    /// Reports whether the pattern occurs in a text. The first call compiles it.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let compile = || RegexBuilder::new(&self.translated).size_limit(SIZE).nest_limit(4 * DEPTH).build();
        self.compiled.get_or_init(|| compile().expect("the translation has compilable patterns only")).is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

/// A parser that writes the translation as it goes. Each of its functions returns the size of what it has read.
struct Translator<'p> {
    rest: &'p str,
    translated: String,
    depth: u32,
}

/// A part of a class.
enum Part {
    Character(char),
    /// `\d`, `\D`, `\w` or `\W`.
    Class(char),
}

impl Translator<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads branches up to the end of the group or the pattern.
    fn alternatives(&mut self) -> Result<usize, String> {
        let mut size = self.sequence()?;
        while self.take("|") {
            self.translated.push('|');
            size = size.saturating_add(self.sequence()?).saturating_add(2 * STATE + RANGE);
        }
        Ok(size)
    }

    fn sequence(&mut self) -> Result<usize, String> {
        let mut size = STATE; // an empty sequence is a state too
        while let Some(letter) = self.peek().filter(|letter| !matches!(letter, '|' | ')')) {
            let atom = self.atom(letter)?;
            let repeatable = !matches!(letter, '^' | '$');
            size = size.saturating_add(self.repeated(atom, repeatable)?);
        }
        Ok(size)
    }

    fn atom(&mut self, letter: char) -> Result<usize, String> {
        self.next();
        match letter {
            '^' | '$' => {
                self.translated.push(letter);
                Ok(STATE)
            }
            '.' => {
                self.translated.push_str(r"[^\n\r\x{2028}\x{2029}]");
                Ok(STATE + 5 * RANGE)
            }
            '(' => self.group(),
            '[' => self.class(),
            '\\' => match self.escape(false)? {
                Part::Character(letter) => Ok(self.literal(letter)),
                Part::Class(letter) => {
                    self.translated.extend(['\\', letter]);
                    Ok(STATE + 5 * RANGE)
                }
            },
            '*' | '+' | '?' => Err(format!("{letter} has nothing to repeat")),
            '{' | '}' | ']' => Err(format!("a literal {letter} is written \\{letter}")),
            letter => Ok(self.literal(letter)),
        }
    }

    fn literal(&mut self, letter: char) -> usize {
        if letter.is_ascii_alphanumeric() {
            self.translated.push(letter);
        } else {
            self.translated.push_str(&format!("\\x{{{:X}}}", u32::from(letter)));
        }
        STATE
    }

    fn group(&mut self) -> Result<usize, String> {
        if self.take("?") && !self.take(":") {
            let rest = self.rest;
            let refused = match () {
                () if rest.starts_with(['=', '!']) => "lookahead is",
                () if rest.starts_with("<=") || rest.starts_with("<!") => "lookbehind is",
                () if rest.starts_with(['<', 'P']) => "named groups are",
                () => "flags are",
            };
            return Err(format!("{refused} not supported"));
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("groups nest at most {DEPTH} deep"));
        }
        self.translated.push_str("(?:");
        let size = self.alternatives()?;
        if !self.take(")") {
            return Err("a group is not closed".to_owned());
        }
        self.depth -= 1;
        self.translated.push(')');
        Ok(size)
    }

    /// Reads a class after its `[`.
    fn class(&mut self) -> Result<usize, String> {
        self.translated.push('[');
        if self.take("^") {
            self.translated.push('^');
        }
        let mut size = STATE + RANGE;
        let mut empty = true;
        loop {
            let part = match self.next() {
                None => return Err("a class is not closed".to_owned()),
                Some(']') if empty => return Err("an empty class is not supported".to_owned()),
                Some(']') => break,
                Some('\\') => self.escape(true)?,
                Some(letter) => Part::Character(letter),
            };
            empty = false;
            let range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            match part {
                Part::Class(_) if range => return Err("a class like \\d cannot be the end of a range".to_owned()),
                Part::Class(letter) => {
                    self.translated.extend(['\\', letter]);
                    size += 5 * RANGE;
                }
                Part::Character(first) => {
                    self.literal(first);
                    size += RANGE;
                    if range {
                        self.next();
                        let last = match self.next() {
                            Some('\\') => self.escape(true)?,
                            Some(letter) => Part::Character(letter),
                            None => return Err("a class is not closed".to_owned()),
                        };
                        let Part::Character(last) = last else {
                            return Err("a class like \\d cannot be the end of a range".to_owned());
                        };
                        if last < first {
                            return Err("a range ends before it begins".to_owned());
                        }
                        self.translated.push('-');
                        self.literal(last);
                    }
                }
            }
        }
        self.translated.push(']');
        Ok(size)
    }

    /// Reads an escape after its backslash.
    fn escape(&mut self, in_class: bool) -> Result<Part, String> {
        let letter = self.next().ok_or("a \\ escapes nothing")?;
        Ok(match letter {
            't' => Part::Character('\t'),
            'n' => Part::Character('\n'),
            'r' => Part::Character('\r'),
            'd' | 'D' | 'w' | 'W' => Part::Class(letter),
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => {
                Part::Character(letter)
            }
            '-' if in_class => Part::Character('-'),
            '1'..='9' | 'k' => return Err("back references are not supported".to_owned()),
            letter if letter.is_alphanumeric() => return Err(format!("\\{letter} is not supported")),
            letter if letter.is_control() => return Err("a control character needs no \\".to_owned()),
            letter => return Err(format!("{letter} needs no \\")),
        })
    }

    /// Reads what may follow an atom of this size.
    fn repeated(&mut self, size: usize, repeatable: bool) -> Result<usize, String> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => (0, Some(0)),
            _ => return Ok(size),
        };
        let letter = self.next().unwrap_or_default();
        if !repeatable {
            return Err(format!("{letter} has nothing to repeat"));
        }
        let (least, most) = if letter == '{' { self.counts()? } else { (least, most) };
        match self.peek() {
            Some('?') => return Err("lazy quantifiers are not supported".to_owned()),
            Some(letter @ ('*' | '+' | '{')) => return Err(format!("{letter} has nothing to repeat")),
            _ => {}
        }
        match (letter, least, most) {
            ('{', least, Some(most)) => self.translated.push_str(&format!("{{{least},{most}}}")),
            ('{', least, None) => self.translated.push_str(&format!("{{{least},}}")),
            (letter, ..) => self.translated.push(letter),
        }
        // A copy for each turn, each with a branch, and at most three states around them.
        let turns = most.unwrap_or(least).max(1) as usize;
        Ok(size.saturating_add(STATE + 2 * RANGE).saturating_mul(turns).saturating_add(3 * STATE))
    }

    /// Reads `m}`, `m,}` or `m,n}`.
    fn counts(&mut self) -> Result<(u32, Option<u32>), String> {
        let malformed = || "a literal { is written \\{".to_owned();
        let (counts, rest) = self.rest.split_once('}').ok_or_else(malformed)?;
        let count = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let text = text.trim_start_matches('0');
            let count = if text.len() > 3 { u32::MAX } else { format!("0{text}").parse().unwrap_or(u32::MAX) };
            match count {
                _ if !digits => Err(malformed()),
                count if count > REPEATS => Err(format!("{{m,n}} repeats at most {REPEATS} times")),
                count => Ok(count),
            }
        };
        let (least, most) = match counts.split_once(',') {
            None => (count(counts)?, Some(count(counts)?)),
            Some((least, "")) => (count(least)?, None),
            Some((least, most)) => (count(least)?, Some(count(most)?)),
        };
        if most.is_some_and(|most| most < least) {
            return Err("n must be at least m in {m,n}".to_owned());
        }
        self.rest = rest;
        Ok((least, most))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn finds(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::parse(pattern).expect("supported");
        for text in yes {
            assert!(pattern.is_match(text), "{pattern:?} {text:?}");
        }
        for text in no {
            assert!(!pattern.is_match(text), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn patterns_mean_what_ecmascript_means() {
        finds("", &["", "a"], &[]);
        finds("b", &["abc"], &["ac"]);
        finds("^[0-9]+$", &["0", "42"], &["", "4 2", "42\n", "٣"]);
        finds(r"^\d\D\w\W$", &["1a_-", "1é_é"], &["111-"]);
        finds("^.$", &["a", "é", "😀", "\u{85}"], &["\n", "\r", "\u{2028}", "\u{2029}", "ab"]);
        finds(r"^(?:a|b|)(c){2}d{1,}e{0,1}$", &["accd", "ccddde"], &["acd", "acc"]);
        finds(r"^[\]\-a-c\d&&[^-]$", &["]", "-", "b", "7", "&", "[", "^"], &["d", "\\"]);
        finds(r"^[^\W_]\t\/\.\{$", &["a\t/.{"], &["_\t/.{"]);
        finds("^[😀-😂]$", &["😁"], &["😃"]);
        finds("(a+)+$", &["ba"], &["ab"]);
        finds("a&&b~#x -<>", &["a&&b~#x -<>"], &["a"]);
    }

    #[test]
    fn what_is_not_shared_is_refused_by_name() {
        for (pattern, rule) in [
            ("(?=a)", "lookahead is not supported"),
            ("(?!a)", "lookahead is not supported"),
            ("(?<=a)", "lookbehind is not supported"),
            ("(?<a>b)", "named groups are not supported"),
            ("(?i)a", "flags are not supported"),
            (r"(a)\1", "back references are not supported"),
            (r"\bq", r"\b is not supported"),
            (r"\s", r"\s is not supported"),
            (r"\p{L}", r"\p is not supported"),
            (r"\u0041", r"\u is not supported"),
            (r"\@", r"@ needs no \"),
            (r"\-", r"- needs no \"),
            ("a*?", "lazy quantifiers are not supported"),
            ("a{2}?", "lazy quantifiers are not supported"),
            ("a**", "* has nothing to repeat"),
            ("a{1}{2}", "{ has nothing to repeat"),
            ("+a", "+ has nothing to repeat"),
            ("^*", "* has nothing to repeat"),
            ("(|*)", "* has nothing to repeat"),
            ("[", "a class is not closed"),
            ("[]", "an empty class is not supported"),
            ("[^]", "an empty class is not supported"),
            ("[b-a]", "a range ends before it begins"),
            (r"[a-\d]", r"a class like \d cannot be the end of a range"),
            (r"[\d-a]", r"a class like \d cannot be the end of a range"),
            ("(a", "a group is not closed"),
            ("a)", "a ) closes no group"),
            ("a]", r"a literal ] is written \]"),
            ("a{", r"a literal { is written \{"),
            ("a{,2}", r"a literal { is written \{"),
            ("a{2,1}", "n must be at least m in {m,n}"),
            ("a{101}", "{m,n} repeats at most 100 times"),
            ("a{99999999999}", "{m,n} repeats at most 100 times"),
            ("\\", "a \\ escapes nothing"),
            ("(a{100}){100}", "is too large when compiled (16 KiB)"),
            (&"(".repeat(256), "groups nest at most 32 deep"),
            (&"a".repeat(257), "must have at most 256 characters"),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(rule.to_owned()), "{pattern}");
        }
    }

    #[test]
    fn common_patterns_are_small_enough() {
        for pattern in
            ["^[a-z]{1,100}$", r"^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$", &"a".repeat(256), "^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$"]
        {
            assert!(Pattern::parse(pattern).is_ok(), "{pattern}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_accepted_compiles(parts in prop::collection::vec(prop::sample::select(PARTS), 0..24)) {
            if let Ok(pattern) = Pattern::parse(&parts.concat()) {
                let _ = pattern.is_match("ab\n-09_é😀");
            }
        }

        #[test]
        fn reading_is_total(pattern in any::<String>()) {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let _ = pattern.is_match("ab");
            }
        }
    }

    const PARTS: &[&str] = &[
        "a", "b", "-", "é", "😀", "(", "(?:", ")", ")", ")*", ")+", "){100}", "[", "[^", "]", "]", "a-z", r"\d", r"\W",
        "|", "*", "+", "?", "{0}", "{0,0}", "{3}", "{2,}", "{1,100}", "{100}", ".", "^", "$", r"\.", r"\n", "[a]",
        r"[^\W\d]",
    ];
}
