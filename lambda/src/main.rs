//! `bootstrap`: the function under Lambda's runtime loop.

use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use lambda_runtime_api_client::{Client, build_request};
use ripple_core::auth::Trust;
use ripple_core::http::origin_secret::OriginSecret;
use ripple_lambda::config::{self, ConfigError};
use ripple_lambda::metrics::Metrics;
use ripple_lambda::{Function, Invocation, log};
use serde_json::json;
use serde_json::value::RawValue;

/// How long the first call to DynamoDB may delay the start. Lambda allows ten seconds in all.
const WARM_UP: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    log::start(ripple_host::environment("RIPPLE_LOG").as_deref());
    // One thread is enough, since a function handles one event at a time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(target: "ripple", %error, "the function ends");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let env = ripple_host::environment;
    let read = config::resources(env).and_then(|resources| {
        let (api, delivery) = (config::api(env, &resources)?, config::delivery(env, &resources)?);
        let function = Function::new(api, config::documents(env)?).delivering(delivery);
        Ok((function, Trust::read(env)?, OriginSecret::read(env)?))
    });
    let (function, trust, secret) = match read {
        Ok(read) => read,
        Err(error) => {
            report(&error).await?;
            return Err(error.into());
        }
    };
    let site = function.store().table_names().site.clone();
    // A real call at the start, when CPU is not throttled, opens the connection and performs the handshake.
    match tokio::time::timeout(WARM_UP, function.store().warm_up()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(target: "ripple", %error, "DynamoDB does not answer yet"),
        Err(_) => tracing::warn!(target: "ripple", "DynamoDB did not answer in time"),
    }
    let metrics = Metrics::start(&site);
    let function = &function.trusting(trust).behind_edge(secret);
    lambda_runtime::run(service_fn(|LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>| async move {
        let invocation = Invocation { id: &context.request_id, trace: context.xray_trace_id.as_deref() };
        let reply = function.handle(&payload, invocation).await;
        if let Some(metrics) = metrics {
            metrics.write(invocation.id);
        }
        reply.map_err(Diagnostic::from)
    }))
    .await
}

/// Reports to Lambda why the function cannot start. The caller then gets this reason, and not only the fact that the
/// function ended. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror>
async fn report(error: &ConfigError) -> Result<(), Error> {
    const KIND: &str = "Runtime.ConfigInvalid";
    let diagnostic = json!({ "errorType": KIND, "errorMessage": error.to_string() });
    let request = build_request()
        .method(Method::POST)
        .uri("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", KIND)
        .body(diagnostic.to_string().into())?;
    Client::builder().build()?.call(request).await?;
    Ok(())
}
