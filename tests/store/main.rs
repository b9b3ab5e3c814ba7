//! Tests of the DynamoDB store on an embedded engine, and with a DynamoDB that fails.

/// Runs each test twice: as `embedded::…` and as `memory::…`.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                let engine = crate::engine::Engine::start().await;
                super::$name(&engine.store, &engine).await;
            })*
        }
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let memory = ripple_core::store::memory::Memory::new();
                super::$name(&memory, &memory).await;
            })*
        }
    };
}

mod at_rest;
mod attributes;
mod batches;
mod beside;
mod changes;
mod conditions;
mod engine;
mod faults;
mod interrupted;
mod keys;
mod missing;
mod other_writers;
mod pages;
mod program;
mod refresh_cost;
mod retries;
mod store;
mod table;
mod world;
