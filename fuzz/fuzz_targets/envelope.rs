//! The target `envelope` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| clickstream_fuzz::machine::network::envelope(input));
