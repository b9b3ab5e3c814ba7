//! The DynamoDB store on a real engine.

mod engine;
mod refresh_cost;
mod store;
