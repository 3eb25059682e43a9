//! libFuzzer's loop around `targets::scenario`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::scenario(data));
