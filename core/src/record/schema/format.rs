//! The formats: three that are checked, three that are hints for a page.

/// A format of strings.
///
/// ```
/// use ripple_core::record::schema::Format;
///
/// assert!(Format::Date.fits("2028-02-29") && !Format::Date.fits("2026-02-29"));
/// assert!(Format::Email.fits("a hint is not checked"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `YYYY-MM-DD`, a day of the calendar.
    Date,
    /// A time of RFC 3339 with a capital `T`, and `Z` or an offset. Leap seconds are refused.
    DateTime,
    /// A UUID in 36 characters.
    Uuid,
    /// A hint.
    Email,
    /// A hint.
    Uri,
    /// A hint: text of several lines.
    Multiline,
}

impl Format {
    /// Returns the format of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Format> {
        Some(match name {
            "date" => Format::Date,
            "date-time" => Format::DateTime,
            "uuid" => Format::Uuid,
            "email" => Format::Email,
            "uri" => Format::Uri,
            "multiline" => Format::Multiline,
            _ => return None,
        })
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Date => "date",
            Format::DateTime => "date-time",
            Format::Uuid => "uuid",
            Format::Email => "email",
            Format::Uri => "uri",
            Format::Multiline => "multiline",
        }
    }

    /// Reports whether a text has this format. Every text fits a hint.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        let text = text.as_bytes();
        match self {
            Format::Date => is_date(text),
            Format::DateTime => is_date_time(text).is_some(),
            Format::Uuid => is_uuid(text),
            Format::Email | Format::Uri | Format::Multiline => true,
        }
    }
}

/// Returns the number that these ASCII digits stand for.
fn number(digits: &[u8]) -> Option<u32> {
    let digit = |number: u32, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
    digits.iter().try_fold(0, digit)
}

fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return false };
    let parts = (number(&[*y1, *y2, *y3, *y4]), number(&[*m1, *m2]), number(&[*d1, *d2]));
    let (Some(year), Some(month), Some(day)) = parts else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Reads `hh:mm`.
fn is_clock(text: &[u8]) -> Option<()> {
    let [h1, h2, b':', m1, m2] = text else { return None };
    (number(&[*h1, *h2])? <= 23 && number(&[*m1, *m2])? <= 59).then_some(())
}

fn is_date_time(text: &[u8]) -> Option<()> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix(b"T")?.split_at_checked(5)?;
    is_clock(clock)?;
    let (second, rest) = rest.strip_prefix(b":")?.split_at_checked(2)?;
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (digits > 0).then_some(&rest[digits..])?
        }
    };
    match rest {
        [b'Z'] => {}
        [b'+' | b'-', offset @ ..] => is_clock(offset)?,
        _ => return None,
    }
    (is_date(date) && number(second)? <= 59).then_some(())
}

fn is_uuid(text: &[u8]) -> bool {
    let fits = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fits(format: Format, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.fits(text), "{text}");
        }
        for text in bad {
            assert!(!format.fits(text), "{text}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        fits(
            Format::Date,
            &["2028-02-29", "2000-02-29", "0000-01-01", "2026-12-31"],
            &[
                "2026-02-29",
                "1900-02-29",
                "2026-2-1",
                "2026-13-01",
                "2026-00-01",
                "2026-04-31",
                "2026-01-00",
                "",
                "２026-01-01",
            ],
        );
    }

    #[test]
    fn a_time_has_a_zone() {
        fits(
            Format::DateTime,
            &["2026-01-31T09:30:00Z", "2026-01-31T23:59:59.123456789+09:00", "2026-01-31T00:00:00-00:00"],
            &[
                "2026-01-31T09:30:00",
                "2026-01-31t09:30:00Z",
                "2026-01-31T09:30:00z",
                "2026-01-31 09:30:00Z",
                "2026-01-31T09:30:60Z",
                "2026-01-31T24:00:00Z",
                "2026-01-31T09:60:00Z",
                "2026-01-31T09:30:00.Z",
                "2026-01-31T09:30:00+9:00",
                "2026-01-31T09:30:00+24:00",
                "2026-02-30T09:30:00Z",
                "2026-01-31T09:30Z",
                "2026-01-31",
                "2026-01-31T09:30:00ZZ",
            ],
        );
    }

    #[test]
    fn a_uuid_has_36_characters() {
        fits(
            Format::Uuid,
            &["0190f3a4-5b6c-7d8e-9f00-112233445566", "0190F3A4-5B6C-7D8E-9F00-112233445566"],
            &[
                "0190f3a45b6c7d8e9f00112233445566",
                "{0190f3a4-5b6c-7d8e-9f00-11223344556}",
                "0190f3a4-5b6c-7d8e-9f00-11223344556g",
            ],
        );
    }
}
