#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| connectome_io_fuzz::run("parquet", bytes));
