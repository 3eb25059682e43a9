//! libFuzzer's loop around `targets::samples`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::samples(data));
