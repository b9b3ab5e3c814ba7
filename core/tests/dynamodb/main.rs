//! The DynamoDB store on a real engine.

mod beside;
mod engine;
mod refresh_cost;
mod store;
