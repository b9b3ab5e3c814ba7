//! Which trace a request belongs to: <https://www.w3.org/TR/trace-context/>, and AWS's own header where there is none.
//!
//! A trace is continued if the request names one in a form that its standard allows, and begun otherwise. Hosts put its id
//! into their logs; the edge names it to the origin.

use std::fmt;

use http::header::{HeaderMap, HeaderName};

/// W3C's header.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// AWS X-Ray's header.
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
pub const AMAZON_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Characters of a `traceparent` of version 00, and the fewest of a later one.
const TRACEPARENT_LENGTH: usize = 55;
/// The flag `sampled`.
const SAMPLED: u8 = 1;
/// The flags that Trace Context defines: `sampled` and, since level 2, `random-trace-id`. All others are sent as 0.
const KNOWN_FLAGS: u8 = SAMPLED | 2;

/// The id of a trace. It is shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        push_hex(&mut text, &self.0);
        f.write_str(&text)
    }
}

/// The trace of a request.
///
/// ```
/// use ripple_core::http::trace::Trace;
///
/// let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = Trace::parse(sent).unwrap();
/// assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(trace.traceparent([7; 8]), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
///
/// let sent = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
/// assert_eq!(Trace::parse(sent).unwrap().id.to_string(), "5759e988bd862e3fe1be46a994272793");
/// assert_eq!(Trace::parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    flags: u8,
    /// Whether a `traceparent` named it.
    standard: bool,
}

impl Trace {
    /// Returns the trace that a request's headers name. Begins one with `random` bytes if they name none, or name it in a
    /// form that is not valid. A `traceparent` that is not valid is not replaced by AWS's header.
    #[must_use]
    pub fn of(headers: &HeaderMap, random: [u8; 16]) -> Trace {
        Trace::named(headers).unwrap_or_else(|| Trace::begin(random))
    }

    /// Returns the trace that a request's headers name. Returns `None` if they name none, or name it in a form that is not
    /// valid.
    #[must_use]
    pub fn named(headers: &HeaderMap) -> Option<Trace> {
        let name = if headers.contains_key(TRACEPARENT) { TRACEPARENT } else { AMAZON_TRACE_ID };
        let mut sent = headers.get_all(name).iter();
        match (sent.next(), sent.next()) {
            (Some(text), None) => Trace::parse(text.to_str().ok()?),
            _ => None,
        }
    }

    /// Returns the trace that a header's value names, or begins one.
    #[must_use]
    pub fn of_text(text: Option<&str>, random: [u8; 16]) -> Trace {
        text.and_then(Trace::parse).unwrap_or_else(|| Trace::begin(random))
    }

    /// Begins a trace.
    fn begin(mut random: [u8; 16]) -> Trace {
        if random == [0; 16] {
            random[15] = 1; // an id of zeros is none
        }
        Trace { id: TraceId(random), flags: 0, standard: false }
    }

    /// Reads the value of a `traceparent` or of an `X-Amzn-Trace-Id`. Returns `None` if it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Trace> {
        parse_standard(text.as_bytes()).or_else(|| parse_amazon(text))
    }

    /// Reports whether a `traceparent` named the trace, so that the `tracestate` beside it holds.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.standard
    }

    /// Returns the `traceparent` of a request that the holder of this span sends on.
    #[must_use]
    pub fn traceparent(&self, span: [u8; 8]) -> String {
        let mut text = String::with_capacity(TRACEPARENT_LENGTH);
        text.push_str("00-");
        push_hex(&mut text, &self.id.0);
        text.push('-');
        push_hex(&mut text, &span);
        text.push('-');
        push_hex(&mut text, &[self.flags]);
        text
    }
}

/// `00-<trace id>-<parent id>-<flags>`. A later version may go on after another `-`.
fn parse_standard(text: &[u8]) -> Option<Trace> {
    let (known, rest) = text.split_at_checked(TRACEPARENT_LENGTH)?;
    let [version] = hex(known.get(..2)?)?;
    let complete = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => matches!(rest.first(), None | Some(b'-')),
    };
    let id: [u8; 16] = hex(known.get(3..35)?)?;
    let parent: [u8; 8] = hex(known.get(36..52)?)?;
    let [flags] = hex(known.get(53..)?)?;
    let separated = [2, 35, 52].iter().all(|at| known[*at] == b'-');
    let valid = complete && separated && id != [0; 16] && parent != [0; 8];
    valid.then_some(Trace { id: TraceId(id), flags: flags & KNOWN_FLAGS, standard: true })
}

/// `Root=1-<8 digits>-<24 digits>;Parent=…;Sampled=1`, in any order.
fn parse_amazon(text: &str) -> Option<Trace> {
    let field = |name| text.split(';').find_map(|field| field.trim().strip_prefix(name));
    let (time, rest) = field("Root=1-")?.split_once('-')?;
    let (time, rest): ([u8; 4], [u8; 12]) = (hex(time.as_bytes())?, hex(rest.as_bytes())?);
    let mut id = [0; 16];
    id[..4].copy_from_slice(&time);
    id[4..].copy_from_slice(&rest);
    let flags = if field("Sampled=") == Some("1") { SAMPLED } else { 0 };
    (id != [0; 16]).then_some(Trace { id: TraceId(id), flags, standard: false })
}

/// Reads as many bytes as there is room for from lower-case hexadecimal digits, which Trace Context requires. Returns `None`
/// for other text.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    read_hex(text, &mut bytes).then_some(bytes)
}

fn read_hex(text: &[u8], bytes: &mut [u8]) -> bool {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    text.len() == 2 * bytes.len()
        && bytes.iter_mut().zip(text.chunks_exact(2)).all(|(byte, pair)| match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => {
                *byte = high << 4 | low;
                true
            }
            _ => false,
        })
}

/// Adds bytes as lower-case hexadecimal digits to a text.
fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_traceparent_goes_before_amazons_header() {
        let amazon = (AMAZON_TRACE_ID, "Root=1-5759e988-bd862e3fe1be46a994272793");
        let id = |fields: &[(HeaderName, &'static str)]| Trace::of(&headers(fields), [9; 16]).id.to_string();
        assert_eq!(id(&[amazon.clone(), (TRACEPARENT, SENT)]), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(id(std::slice::from_ref(&amazon)), "5759e988bd862e3fe1be46a994272793");
        let made = "09".repeat(16);
        assert_eq!(id(&[]), made);
        assert_eq!(id(&[amazon, (TRACEPARENT, "00-x")]), made);
        assert_eq!(id(&[(TRACEPARENT, SENT), (TRACEPARENT, SENT)]), made);
    }

    #[test]
    fn a_later_version_may_say_more_and_the_first_may_not() {
        let later = format!("01{}", &SENT[2..]);
        assert!(Trace::parse(&later).is_some() && Trace::parse(&format!("{later}-more")).is_some());
        for wrong in [
            format!("{later}more"),
            format!("{SENT}-more"),
            format!("ff{}", &SENT[2..]),
            SENT.to_uppercase(),
            SENT.replace("00f067aa0ba902b7", "0000000000000000"),
            SENT.replace('-', "_"),
            SENT[..54].to_owned(),
            format!("{SENT} "),
            String::new(),
        ] {
            assert_eq!(Trace::parse(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn amazons_header_is_read_in_any_order() {
        let id = "5759e988bd862e3fe1be46a994272793";
        for (text, flags) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793", 0),
            ("Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", 1),
            ("Sampled=?; Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793", 0),
        ] {
            let trace = Trace::parse(text).expect(text);
            assert_eq!((trace.id.to_string().as_str(), trace.flags, trace.has_state()), (id, flags, false));
        }
        for wrong in [
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e98-bd862e3fe1be46a9942727930",
            "Root=1-00000000-000000000000000000000000",
            "Root=1-5759e988",
            "Parent=53995c3f42cd8ad8",
        ] {
            assert_eq!(Trace::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn flags_without_a_meaning_are_not_sent_on() {
        let sent = format!("{}ff", &SENT[..53]);
        assert!(Trace::parse(&sent).expect("valid").traceparent([1; 8]).ends_with("-03"));
        assert_eq!(Trace::begin([0; 16]).traceparent([1; 8]), format!("00-{:032}-0101010101010101-00", 1));
    }

    proptest! {
        #[test]
        fn what_is_sent_on_is_the_same_trace(id: [u8; 16], span: [u8; 8], flags in 0u8..4) {
            prop_assume!(id != [0; 16] && span != [0; 8]);
            let trace = Trace { id: TraceId(id), flags, standard: true };
            prop_assert_eq!(Trace::parse(&trace.traceparent(span)), Some(trace));
        }

        #[test]
        fn any_text_is_a_trace_or_none(text in ".{0,80}", close in "[0-9a-f-]{50,60}") {
            for text in [text, close] {
                if let Some(trace) = Trace::parse(&text) {
                    prop_assert_ne!(trace.id.0, [0; 16]);
                }
            }
        }

        #[test]
        fn a_damaged_traceparent_names_no_other_trace(at in 0usize..55, byte in 0x20u8..0x7f) {
            let mut damaged = SENT.as_bytes().to_vec();
            damaged[at] = byte;
            let text = String::from_utf8(damaged).expect("ASCII");
            // The digits of the id can be others, and a later version is read as this one.
            if let Some(trace) = Trace::parse(&text) {
                prop_assert_eq!(trace.id.to_string(), &text[3..35]);
            }
        }
    }
}
