//! Fuzzes API keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ripple_core::auth::ApiKey;

fuzz_target!(|input: (&str, [u8; 64], u8, u8)| {
    let (text, random, place, letter) = input;
    if let Some(key) = ApiKey::parse(text) {
        assert_eq!(key.reveal(), text);
        assert!(
            text.len() == 40 && text.starts_with("rpl_") && text[4..].bytes().all(|byte| byte.is_ascii_alphanumeric())
        );
        assert!(!format!("{key:?}").contains(&text[4..]), "Debug shows it");
    }
    let Some(key) = ApiKey::generate(&random) else { return };
    assert_eq!(ApiKey::parse(key.reveal()).as_ref(), Some(&key));
    assert!(!format!("{key:?}").contains(&key.reveal()[4..]), "Debug shows it");
    // CRC-32 detects any single changed letter.
    let mut typed = key.reveal().as_bytes().to_vec();
    let place = usize::from(place) % typed.len();
    let was = std::mem::replace(&mut typed[place], letter);
    if let Ok(typed) = String::from_utf8(typed) {
        assert_eq!(ApiKey::parse(&typed).is_some(), was == letter, "{typed} is taken for a key");
    }
});
