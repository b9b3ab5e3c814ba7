//! Fuzzes events of the Lambda function: those of API Gateway, of function URLs, and of the legacy function.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::Api;
use ripple_fuzz::{has_key, run_in_world};
use ripple_lambda::{Function, Invocation};
use serde_json::Value;
use serde_json::value::RawValue;

/// A placeholder for the key in events, since no fuzzer would find the key.
const KEY: &str = "rpl_TestKeyOfTheLambdaFunctions00041ynWF";

fuzz_target!(|text: &str| -> Corpus {
    run_in_world(async |world| {
        if has_key(world, text.as_bytes()) {
            return Corpus::Reject;
        }
        // The Runtime API's client refuses text that is not JSON.
        let Ok(event) = RawValue::from_string(text.replace(KEY, world.writer.reveal())) else { return Corpus::Reject };
        let function = Function::new(Api::new(world.store.clone()), ripple_host::documents());
        let before = world.state();
        let answered = function.handle(&event, Invocation { id: "request", trace: None }).await;
        let after = world.state();
        match answered {
            Ok(reply) => {
                let reply: Value = serde_json::from_str(reply.get()).expect("a reply is JSON");
                let status = reply["statusCode"].as_u64().filter(|_| reply.get("headers").is_some());
                if let Some(status) = status {
                    assert!(matches!(status, 200..500), "{event}\nanswered {reply}");
                    assert!(before == after || status < 300, "{event}\nanswered {reply} and changed something");
                }
                assert!(!reply.to_string().contains(&world.writer.reveal()[4..]), "{event}\nanswered {reply}");
            }
            Err(error) => {
                assert_eq!(before, after, "{event}\nis an error and changed something: {error}");
                let status = error.message.get(..4).unwrap_or_default();
                assert!(
                    matches!(
                        status,
                        "400 " | "403 " | "404 " | "405 " | "409 " | "410 " | "412 " | "413 " | "415 " | "422 "
                    ),
                    "{error}"
                );
            }
        }
        Corpus::Keep
    })
});
