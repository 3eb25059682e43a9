//! libFuzzer's loop around `targets::trace`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::trace(data));
