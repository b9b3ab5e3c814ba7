//! Tests of records that are small in the table and large in memory.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use ripple_core::auth::Caller;
use ripple_core::replica::{Clock, GREATEST, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Api, Record, RecordId, RequestContext, Timestamp};

#[derive(Clone, Copy)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }

    async fn pause(&self, _: Duration) {}
}

/// Returns a record of objects with one member each.
fn small_objects(id: String, count: usize) -> Record {
    let object = Value::Map(Members::from([("a".to_owned(), 1.into())]));
    let attributes = Members::from([("objects".to_owned(), Value::List(vec![object; count]))]);
    Record::new(RecordId::stored(id), attributes).written(None, 1, Timestamp(1), "test")
}

#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_is_bounded_by_what_it_takes_in_memory() {
    let store = Memory::new();
    let (mut stored, mut memory) = (0, 0);
    for number in 0.. {
        let project = small_objects(format!("p{number}"), 20_000);
        (stored, memory) = (stored + project.stored_size(), memory + project.memory());
        store.put(&project);
        if memory > GREATEST {
            break;
        }
    }
    assert!(stored < GREATEST / 8, "by what it takes in the table it could be held");

    let edge = Api::new(Replica::new(store, Still, Duration::from_secs(5)));
    let request = Request::get("/prj?fields=prj_id").body(Bytes::new()).expect("valid");
    let moment = RequestContext { now: Still.now(), random: [7; 32], caller: Some(Caller::checked_by_gateway("test")) };
    let authorized = edge.authorize(&request, moment).await.expect("the caller may");
    let response = edge.read(&request, authorized).await.response;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().get("age").is_none(), "it was not held, but passed through");
}
