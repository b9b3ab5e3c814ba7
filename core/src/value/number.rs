//! DynamoDB's numbers: up to 38 significant digits, magnitude 1e-130 to 9.99…e125.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>

use std::cmp::Ordering;
use std::fmt;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

const DIGITS: usize = 38;
const GREATEST_EXPONENT: i32 = 125;
const LEAST_EXPONENT: i32 = -130;

/// A decimal number as text in DynamoDB's form: plain notation without unnecessary zeros. Equal numbers have equal
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

impl Number {
    /// Parses the notations of JSON and of DynamoDB. Returns `None` if the number exceeds DynamoDB's range or
    /// precision.
    #[must_use]
    pub fn parse(text: &str) -> Option<Number> {
        // Most numbers are whole and already in the final form.
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && !digits.starts_with('0') || text == "0" {
            return Some(Number(text.to_owned()));
        }
        Scientific::read(text)?.plain().map(Number)
    }

    /// Returns the number in plain decimal notation.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a whole number, which may be below zero.
    #[must_use]
    pub fn whole(number: i64) -> Number {
        Number(number.to_string())
    }

    /// Returns the number as a signed whole number of 64 bits. Returns `None` if it is not one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Returns the number as an unsigned whole number of 64 bits. Returns `None` if it is not one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// Reports whether the number is whole and at least 0.
    #[must_use]
    pub fn is_natural(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns the size as DynamoDB estimates it: one byte for each two significant digits, and one more.
    pub(super) fn stored_size(&self) -> usize {
        let scientific = self.scientific();
        scientific.digits.len().div_ceil(2) + 1 + usize::from(scientific.negative)
    }

    /// Returns bytes whose order is the order of numbers: the sign, the exponent, the digits. Those of a negative number
    /// are complemented, and end with the greatest byte, since of two magnitudes the longer one is the greater.
    pub(crate) fn to_ordered_bytes(&self) -> Vec<u8> {
        /// The signs, in their order.
        const SIGNS: [u8; 3] = [0, 1, 2];
        /// It makes every exponent positive.
        const BIAS: i32 = 1000;
        let Scientific { negative, digits, exponent } = self.scientific();
        if digits.is_empty() {
            return vec![SIGNS[1]];
        }
        let exponent = ((exponent + BIAS) as u16).to_be_bytes();
        let magnitude = exponent.into_iter().chain(digits);
        if negative {
            let complement = magnitude.map(|byte| !byte);
            return [SIGNS[0]].into_iter().chain(complement).chain([u8::MAX]).collect();
        }
        [SIGNS[2]].into_iter().chain(magnitude).collect()
    }

    fn scientific(&self) -> Scientific {
        Scientific::read(&self.0).expect("the text of a Number was read before")
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number(number.to_string())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    /// Orders numbers by value.
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Ok(this), Ok(that)) = (self.0.parse::<i64>(), other.0.parse::<i64>()) {
            return this.cmp(&that);
        }
        self.scientific().cmp(&other.scientific())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<i64>() {
            Ok(small) => serializer.serialize_i64(small),
            Err(_) => serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer),
        }
    }
}

/// A number as ±0.d₁d₂d₃… × 10^exponent. d₁ is not 0, and zero has no digits.
struct Scientific {
    negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

impl Scientific {
    fn read(text: &str) -> Option<Scientific> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let written: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = written.iter().take_while(|&&digit| digit == b'0').count();
        let trailing = written.iter().rev().take_while(|&&digit| digit == b'0').count();
        if leading == written.len() {
            return Some(Scientific { negative: false, digits: Vec::new(), exponent: 0 });
        }
        let digits = written[leading..written.len() - trailing].to_vec();
        // A mantissa is at most as long as a request's body, so its length fits.
        let exponent = exponent.checked_add(whole.len() as i32)?.checked_sub(leading as i32)?;
        let first = exponent - 1; // the power of ten of the first digit
        let fits = digits.len() <= DIGITS && (LEAST_EXPONENT..=GREATEST_EXPONENT).contains(&first);
        fits.then_some(Scientific { negative, digits, exponent })
    }

    fn plain(&self) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        let digits = std::str::from_utf8(&self.digits).ok()?;
        let sign = if self.negative { "-" } else { "" };
        let point = self.exponent;
        Some(if point <= 0 {
            format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
        } else if point as usize >= digits.len() {
            format!("{sign}{digits}{}", "0".repeat(point as usize - digits.len()))
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            format!("{sign}{whole}.{fraction}")
        })
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |n: &Self| {
            if n.digits.is_empty() {
                0
            } else if n.negative {
                -1
            } else {
                1
            }
        };
        let magnitude = |n: &Self| (n.exponent, n.digits.clone());
        sign(self).cmp(&sign(other)).then_with(|| {
            let order = magnitude(self).cmp(&magnitude(other));
            if self.negative { order.reverse() } else { order }
        })
    }
}

/// Parses an exponent. A limit stands for any larger one: a body has too few digits to bring such a number back into
/// range.
fn read_exponent(text: &str) -> Option<i32> {
    const GREATEST: i32 = 10_000_000;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let magnitude = if digits.len() > 7 { GREATEST } else { format!("0{digits}").parse().ok()? };
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn canonical(text: &str, expected: Option<&str>) {
        assert_eq!(Number::parse(text).as_ref().map(Number::as_str), expected, "{text}");
    }

    #[test]
    fn numbers_read_back_as_dynamodb_writes_them() {
        canonical("0042", Some("42"));
        canonical("1.200", Some("1.2"));
        canonical("1E3", Some("1000"));
        canonical("-1.5e-3", Some("-0.0015"));
        canonical("-42", Some("-42"));
        canonical("-042", Some("-42"));
        canonical("-0", Some("0"));
        canonical("-0.0", Some("0"));
        canonical("100", Some("100"));
        canonical("0e999999", Some("0"));
        canonical("0e99999999", Some("0"));
        canonical("1e0000001", Some("10"));
        canonical("-25e-00000001", Some("-2.5"));
        canonical(&"9".repeat(38), Some(&"9".repeat(38)));
        canonical(&format!("{}.10", "9".repeat(37)), Some(&format!("{}.1", "9".repeat(37))));
    }

    #[test]
    fn what_dynamodb_refuses_is_refused() {
        canonical(&"9".repeat(39), None);
        canonical("1e126", None);
        canonical("9.9e125", Some(&format!("99{}", "0".repeat(124))));
        canonical("1e-131", None);
        canonical("1e-130", Some(&format!("0.{}1", "0".repeat(129))));
        canonical("1e99999999999999999999", None);
        for text in ["", "-", ".", "1e", "1e+", "NaN", "0x1", "1 ", "1.2.3", "--1"] {
            canonical(text, None);
        }
    }

    proptest! {
        #[test]
        fn canonical_text_is_stable_and_order_is_by_value(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000, scale in 0usize..6) {
            let text = |n: i64| format!("{n}e-{scale}");
            let (x, y) = (Number::parse(&text(a)).unwrap(), Number::parse(&text(b)).unwrap());
            prop_assert_eq!(Number::parse(x.as_str()).unwrap(), x.clone());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.to_ordered_bytes().cmp(&y.to_ordered_bytes()), a.cmp(&b));
        }
    }
}
