//! libFuzzer's loop around `targets::sweep_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tailback_fuzz::sweep_log(data));
