//! API keys in their table.

use ripple_core::Timestamp;
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::store::{Capacity, Source as _, Store as _};

use crate::engine::Engine;

fn key_record() -> KeyRecord {
    KeyRecord {
        key_hash: String::new(),
        key_id: "key_1".to_owned(),
        name: "somebody".to_owned(),
        scopes: vec![Scope::Read],
        created: 1,
        expires: Some(9),
        revoked: None,
        last_used: None,
        lineage: None,
    }
}

#[tokio::test]
async fn keys_are_added_listed_and_revoked() {
    let engine = Engine::start().await;
    let key = ApiKey::generate(&[5; 64]).expect("a key");
    let record = KeyRecord { key_hash: key.hash().to_hex(), ..key_record() };
    engine.store.add_key(&record).await.expect("added");
    engine.store.add_key(&record).await.expect_err("there is one");
    assert_eq!(engine.store.list_keys().await.expect("listed"), std::slice::from_ref(&record));
    engine.store.revoke_key(&record, Timestamp(5)).await.expect("revoked");
    engine.store.revoke_key(&record, Timestamp(6)).await.expect("revoked again");
    engine.store.expire_key(&record, Timestamp(12)).await.expect("earlier anyway");
    engine.store.expire_key(&record, Timestamp(7)).await.expect("set");
    let revoked = KeyRecord { revoked: Some(5), expires: Some(7), ..record };
    let found = engine.store.key(&key.hash(), &mut Capacity::default()).await.expect("looked up");
    assert_eq!(found, Some(revoked));
}

/// Written down once a day, whoever notices; of a key that is gone nothing is made.
#[tokio::test]
async fn the_use_of_a_key_is_noted_coarsely() {
    let engine = Engine::start().await;
    let (key, gone) = (ApiKey::generate(&[5; 64]).expect("a key"), ApiKey::generate(&[6; 64]).expect("a key"));
    let record = KeyRecord { key_hash: key.hash().to_hex(), ..key_record() };
    engine.store.add_key(&record).await.expect("added");
    let day = 24 * 60 * 60 * 1000;
    for (now, noted) in [(day, day), (day + 1, day), (2 * day - 1, day), (2 * day, 2 * day)] {
        let mut cost = Capacity::default();
        engine.store.key_used(&key.hash(), Timestamp(now), &mut cost).await.expect("noted, or known");
        let found = engine.store.key(&key.hash(), &mut cost).await.expect("looked up").expect("there");
        assert_eq!(found.last_used, Some(noted), "at {now}");
        assert_eq!(cost.write, f64::from(u8::from(now == noted)));
    }
    engine.store.key_used(&gone.hash(), Timestamp(1), &mut Capacity::default()).await.expect("nothing to do");
    assert_eq!(engine.store.list_keys().await.expect("listed").len(), 1);
}
