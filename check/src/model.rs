//! What a run is about: the record, the scripts of its writers, and the transcript of what happened.

pub(crate) mod heard;
pub(crate) mod item;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod transcript;
