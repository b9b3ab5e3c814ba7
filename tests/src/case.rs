//! The cases of the suite.

use crate::{Host, Kit, Target};

/// A behaviour that every host must show.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `noun::behaviour`.
    pub name: &'static str,
    /// Reports whether it is about a resource.
    pub is_about: fn(&Kit) -> bool,
    /// Reports whether the host has what the case uses.
    pub runs_on: fn(&Host) -> bool,
    /// Panics if the host behaves otherwise.
    pub run: fn(&Target),
}

/// Declares the cases of a file: `cases! { records: creates_a_record, … }`. They run against each resource.
///
/// Cases about the schema of one resource follow `of PRJ:` or `of TASK:`. Cases about ids that are one text follow
/// `with_text_ids:`. Cases that use `prj` and `task` follow `with_all_resources:`. Cases that need a key with only the
/// scope `read` follow `with_read_key:`. Cases about `prj` that use both and need a key with only `prj:read` follow
/// `with_prj_read_key:`.
macro_rules! cases {
    ($noun:ident:
        $($name:ident),* $(,)?
        $(; of $kit:ident: $($own:ident),* $(,)?)*
        $(; with_text_ids: $($texts:ident),* $(,)?)?
        $(; with_all_resources: $($across:ident),* $(,)?)?
        $(; with_read_key: $($reading:ident),* $(,)?)?
        $(; with_prj_read_key: $($reading_prj:ident),* $(,)?)?
    ) => {
        pub(super) const CASES: &[$crate::Case] = &[
            $($crate::case::case!($noun, $name, |_| true, |_| true),)*
            $($($crate::case::case!($noun, $own, |kit| kit.resource == $crate::$kit.resource, |_| true),)*)*
            $($($crate::case::case!($noun, $texts, $crate::Kit::has_text_ids, |_| true),)*)?
            $($($crate::case::case!($noun, $across, $crate::Kit::has_text_ids, $crate::Host::serves_all),)*)?
            $($($crate::case::case!($noun, $reading, |_| true, |host| host.keys.read_key.is_some()),)*)?
            $($($crate::case::case!($noun, $reading_prj, |kit| kit.resource == $crate::PRJ.resource, |host| {
                host.serves_all() && host.keys.prj_read_key.is_some()
            }),)*)?
        ];
    };
}
pub(crate) use cases;

/// Makes one case.
macro_rules! case {
    ($noun:ident, $name:ident, $is_about:expr, $runs_on:expr) => {
        $crate::Case {
            name: concat!(stringify!($noun), "::", stringify!($name)),
            is_about: $is_about,
            runs_on: $runs_on,
            run: $name,
        }
    };
}
pub(crate) use case;
