//! The commands: one file each, with its options and what it does.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod resource;
pub(crate) mod table;
