//! The cases of the suite.

use crate::{Host, Kit, Target};

/// A behaviour that every host must show.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `noun::behaviour`.
    pub name: &'static str,
    /// The only resource that it is about. `None` if it is about any.
    pub only: Option<&'static Kit>,
    /// Reports whether the host has what the case uses.
    pub runs_on: fn(&Host) -> bool,
    /// Panics if the host behaves otherwise.
    pub run: fn(&Target),
}

impl Case {
    /// Reports whether the case is about a resource.
    #[must_use]
    pub fn is_about(&self, kit: &Kit) -> bool {
        self.only.is_none_or(|only| only.resource == kit.resource)
    }
}

/// Declares the cases of a file: `cases! { records: creates_a_record, … }`. They run against each resource.
///
/// Cases about the schema of one resource follow `of PRJ:` or `of TASK:`. Cases that use all resources follow
/// `with_all_resources:`. Cases that need a key with only the scope `read` follow `with_read_key:`. Cases about `prj`
/// that use all resources and need a key with only `prj:read` follow `with_prj_read_key:`.
macro_rules! cases {
    ($noun:ident:
        $($name:ident),* $(,)?
        $(; of $kit:ident: $($own:ident),* $(,)?)*
        $(; with_all_resources: $($across:ident),* $(,)?)?
        $(; with_read_key: $($reading:ident),* $(,)?)?
        $(; with_prj_read_key: $($reading_prj:ident),* $(,)?)?
    ) => {
        pub(super) const CASES: &[$crate::Case] = &[
            $($crate::case::case!($noun, $name, None, |_| true),)*
            $($($crate::case::case!($noun, $own, Some(&$crate::$kit), |_| true),)*)*
            $($($crate::case::case!($noun, $across, None, $crate::Host::serves_all),)*)?
            $($($crate::case::case!($noun, $reading, None, |host| host.keys.read_key.is_some()),)*)?
            $($($crate::case::case!($noun, $reading_prj, Some(&$crate::PRJ), |host| {
                host.serves_all() && host.keys.prj_read_key.is_some()
            }),)*)?
        ];
    };
}
pub(crate) use cases;

/// Makes one case.
macro_rules! case {
    ($noun:ident, $name:ident, $only:expr, $runs_on:expr) => {
        $crate::Case {
            name: concat!(stringify!($noun), "::", stringify!($name)),
            only: $only,
            runs_on: $runs_on,
            run: $name,
        }
    };
}
pub(crate) use case;
