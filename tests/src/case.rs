//! The cases of the suite.

use crate::Target;

/// A behaviour that every host must show.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `noun::behaviour`.
    pub name: &'static str,
    /// Whether the case uses [`Host::read_key`](crate::Host::read_key).
    pub needs_read_key: bool,
    /// Panics if the host behaves otherwise.
    pub run: fn(&Target),
}

/// Declares the cases of a file: `cases! { records: creates_a_record, … }`. Cases that need a key with only the scope
/// `read` follow `with_read_key:`.
macro_rules! cases {
    ($noun:ident: $($name:ident),* $(,)? $(; with_read_key: $($reading:ident),* $(,)?)?) => {
        pub(super) const CASES: &[$crate::Case] = &[
            $($crate::Case {
                name: concat!(stringify!($noun), "::", stringify!($name)),
                needs_read_key: false,
                run: $name,
            },)*
            $($($crate::Case {
                name: concat!(stringify!($noun), "::", stringify!($reading)),
                needs_read_key: true,
                run: $reading,
            },)*)?
        ];
    };
}
pub(crate) use cases;
