//! Randomness: the host's bytes, stretched.

use sha2::{Digest as _, Sha256};

/// A sequence of random bytes that follows from a seed: the same seed gives the same sequence.
///
/// ```
/// use ripple_core::random::Random;
///
/// let (mut one, mut other) = (Random::new([7; 32]), Random::new([7; 32]));
/// let first = one.bytes();
/// assert_eq!(first, other.bytes());
/// assert_ne!(first, one.bytes());
/// ```
#[derive(Debug)]
pub struct Random {
    seed: [u8; 32],
    count: u64,
}

impl Random {
    /// Begins the sequence of these bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Random {
        Random { seed, count: 0 }
    }

    /// Returns the next bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        self.count += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    }
}
