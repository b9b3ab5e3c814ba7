//! The binary `bootstrap` under Lambda's runtime loop, on an embedded DynamoDB: events of every kind in, answers,
//! errors and logs out. The events lie in `tests/events`, in the shapes that AWS documents.

mod fixture;
mod garbage;
mod http_api;
mod log;
mod mapping_template;
mod rest_proxy;
mod start;
