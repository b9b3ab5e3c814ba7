//! Tests of the binary `bootstrap` under Lambda's runtime loop, with an embedded DynamoDB: its answers, errors and logs
//! for events of every form. The events are in `tests/events`, in the forms that AWS documents.

mod fixture;
mod garbage;
mod http_api;
mod log;
mod mapping_template;
mod rest_proxy;
mod start;
mod stream;
