//! Exact decimals: bounds and multiples.

use crate::value::Number;

/// Significant digits of a bound. Doubles, which other tools read it into, keep 15.
const DIGITS: usize = 15;
/// The greatest power of ten of a bound, and of one over it.
const EXPONENT: i32 = 30;

/// Reads a bound: 0, or a decimal of at most 15 digits with a magnitude of 1e-30 to 1e30.
pub(super) fn bound(text: &str) -> Option<Number> {
    let number = Number::parse(text)?;
    if number.as_str().len() <= DIGITS && is_whole(&number) {
        return Some(number);
    }
    let Decimal { coefficient, exponent } = Decimal::of(&number);
    if coefficient == 0 {
        return Some(number);
    }
    let digits = coefficient.ilog10() + 1;
    let first = exponent + digits.cast_signed() - 1; // the power of ten of the first digit
    // 1e30 itself is in range, and nothing above it.
    let fits =
        digits as usize <= DIGITS && first >= -EXPONENT && (first < EXPONENT || (first, coefficient) == (EXPONENT, 1));
    fits.then_some(number)
}

/// Reports whether a number is a whole number.
pub(super) fn is_whole(number: &Number) -> bool {
    !number.as_str().contains('.')
}

/// Reports whether `number` is a multiple of `step`, a [`bound`] above 0.
///
/// For m·10^e and k·10^f without trailing zeros it is one if m = 0, or e ≥ f and
/// (m mod k)·(10^(e−f) mod k) mod k = 0. Since k has at most 15 digits, no product exceeds 10^30.
pub(super) fn is_multiple(number: &Number, step: &Number) -> bool {
    let (number, step) = (Decimal::of(number), Decimal::of(step));
    if number.coefficient == 0 {
        return true;
    }
    let (Ok(shift), k) = (u32::try_from(number.exponent - step.exponent), step.coefficient) else { return false };
    k != 0 && ((number.coefficient % k) * power_of_ten(shift, k)).is_multiple_of(k)
}

/// Returns 10^`exponent` mod `modulus`.
fn power_of_ten(exponent: u32, modulus: u128) -> u128 {
    (0..exponent).fold(1 % modulus, |power, _| power * 10 % modulus)
}

/// The magnitude of a number: `coefficient` · 10^`exponent`, without trailing zeros.
struct Decimal {
    coefficient: u128,
    exponent: i32,
}

impl Decimal {
    fn of(number: &Number) -> Decimal {
        let text = number.as_str().trim_start_matches('-');
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut coefficient = 0u128;
        let mut exponent = 0;
        // At most 38 digits precede the trailing zeros, and 10^38 fits.
        let mut zeros = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if digit == b'0' {
                zeros += 1;
                continue;
            }
            let shift = if coefficient == 0 { 0 } else { zeros + 1 };
            coefficient = coefficient * 10u128.pow(shift) + u128::from(digit - b'0');
            zeros = 0;
        }
        if coefficient != 0 {
            exponent =
                zeros.cast_signed() - i32::try_from(fraction.len()).expect("a number has at most 170 characters");
        }
        Decimal { coefficient, exponent }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn a_bound_has_fifteen_digits_and_thirty_powers_of_ten() {
        for text in ["0", "-0.0", "1e30", "-1e30", "1e-30", "9.99999999999999e29", "123456789012345", "0.01", "1000e27"]
        {
            assert_eq!(bound(text), Some(number(text)), "{text}");
        }
        for text in ["1e31", "1.1e30", "2e30", "9e-31", "1e400", "1234567890123456", "0.1234567890123456"] {
            assert_eq!(bound(text), None, "{text}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (value, step) in [
            ("0", "7"),
            ("0.07", "0.01"),
            ("12345678901234567890123456789012345.67", "0.01"),
            ("-0.3", "0.1"),
            ("9.99e125", "0.000000000000001"),
            ("9e125", "3"),
            ("4.5", "1.5"),
            ("1e30", "1e30"),
            ("100", "25"),
            ("1000000", "64"),
        ] {
            assert!(is_multiple(&number(value), &number(step)), "{value} {step}");
        }
        for (value, step) in [
            ("0.075", "0.01"),
            ("1", "1e30"),
            ("1e-130", "1e-30"),
            ("99999999999999999999999999999999999999", "7"),
            ("10", "0.3"),
        ] {
            assert!(!is_multiple(&number(value), &number(step)), "{value} {step}");
        }
    }

    proptest! {
        #[test]
        fn multiples_agree_with_whole_numbers(value in -10_000_000i64..10_000_000, step in 1i64..5_000, a in 0usize..5, b in 0usize..5) {
            let decimal = number(&format!("{value}e-{a}"));
            let unit = number(&format!("{step}e-{b}"));
            let scaled = |number: i64, digits: usize| i128::from(number) * 10i128.pow(5 - digits as u32);
            prop_assert_eq!(is_multiple(&decimal, &unit), scaled(value, a) % scaled(step, b) == 0);
            prop_assert_eq!(is_whole(&decimal), is_multiple(&decimal, &number("1")));
        }
    }
}
