//! `bootstrap`: the function under Lambda's runtime loop.

use std::time::Duration;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use ripple_lambda::{Function, config, log};
use serde_json::value::RawValue;

/// How long the first call to DynamoDB may hold up the start. Lambda allows ten seconds in all.
const WARM_UP: Duration = Duration::from_secs(3);

fn main() -> Result<(), Error> {
    log::start(config::process_environment("RIPPLE_LOG").as_deref());
    // One event at a time, one thread: that is what a function has to do.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Error> {
    let store = config::store(config::process_environment)?;
    // A real call while the function starts, where CPU is not throttled: it opens the connection and shakes hands.
    match tokio::time::timeout(WARM_UP, store.warm_up()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(target: "ripple", %error, "DynamoDB does not answer yet"),
        Err(_) => tracing::warn!(target: "ripple", "DynamoDB did not answer in time"),
    }
    let function = &Function::new(store);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        function.handle(&event.payload, &event.context.request_id).await.map_err(Diagnostic::from)
    }))
    .await
}
