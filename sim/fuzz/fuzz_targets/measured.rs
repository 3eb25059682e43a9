//! libFuzzer's loop around `targets::measured`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::measured(data));
