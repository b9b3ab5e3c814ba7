//! Randomness in a Worker: `crypto.getRandomValues`.

use uuid::Builder;

/// Bytes that nobody can foretell.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a Worker has crypto.getRandomValues while it answers a request");
    bytes
}

/// An id for a request whose own could not be read.
pub(crate) fn id() -> String {
    Builder::from_random_bytes(bytes()).into_uuid().to_string()
}
