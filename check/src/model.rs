//! The subject of a run: the record, the scripts of its writers, and the transcript.

pub(crate) mod heard;
pub(crate) mod item;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod transcript;
