//! libFuzzer's loop around `targets::program`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::program(data));
