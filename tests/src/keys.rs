//! API keys as a stranger could make them up.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key of the right form, with the right check, that nobody was given.
pub(crate) fn well_formed() -> String {
    let random: String = (0..30).map(|_| letter(fastrand::u32(..62))).collect();
    format!("rpl_{random}{}", check(&random))
}

/// The CRC-32 of the random part in base62, six digits.
fn check(random: &str) -> String {
    let crc = crc32fast::hash(random.as_bytes());
    (0..6).rev().map(|place| letter(crc / 62_u32.pow(place) % 62)).collect()
}

fn letter(digit: u32) -> char {
    ALPHABET[digit as usize].into()
}

/// The key with its last character changed, so that its check is wrong.
pub(crate) fn damaged(key: &str) -> String {
    let mut damaged = key.to_owned();
    let last = damaged.pop();
    damaged.push(if last == Some('0') { '1' } else { '0' });
    damaged
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_is_the_crc_in_base62() {
        // CRC-32 of thirty zeros is 0x77e5db82.
        assert_eq!(super::check(&"0".repeat(30)), "2C8GjS");
    }
}
