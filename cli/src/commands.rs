//! The commands. Each has a file with its options and its code.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod record;
pub(crate) mod resource;
pub(crate) mod table;
pub(crate) mod template;
