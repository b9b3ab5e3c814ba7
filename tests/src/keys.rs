//! API keys that a client without a key could make up.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns a key of the right form and check that was never issued.
pub(crate) fn well_formed() -> String {
    let random: String = (0..30).map(|_| letter(fastrand::u32(..62))).collect();
    format!("rpl_{random}{}", check(&random))
}

/// Returns the CRC-32 of the random part in base62, six digits.
fn check(random: &str) -> String {
    let crc = crc32fast::hash(random.as_bytes());
    (0..6).rev().map(|place| letter(crc / 62_u32.pow(place) % 62)).collect()
}

fn letter(digit: u32) -> char {
    ALPHABET[digit as usize].into()
}

/// Returns the key with another last character, so that its check is wrong.
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
