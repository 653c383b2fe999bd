//! Compiles the C++ half against the libtorch that torch-sys was built with.
//!
//! torch-sys has `links = "tch"` and publishes its library folder, which cargo hands to crates that depend on it directly
//! as `DEP_TCH_LIBTORCH_LIB`; the headers lie beside that folder in every distribution of libtorch. `LIBTORCH_INCLUDE` and
//! `LIBTORCH_CXX11_ABI` mean what they mean to torch-sys.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cpp/node.cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    // Documentation is built without libtorch (torch-sys's feature `doc-only` publishes no folder).
    let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else {
        println!("cargo:warning=torch-sys published no libtorch folder: nothing that links will build");
        return;
    };
    // A LIBTORCH_LIB of its own says nothing of the headers, which torch-sys then takes from LIBTORCH.
    let apart = || env::var_os("LIBTORCH_LIB").and_then(|_| env::var_os("LIBTORCH"));
    let root = match env::var_os("LIBTORCH_INCLUDE").or_else(apart) {
        Some(root) => PathBuf::from(root),
        None => lib.parent().expect("torch-sys publishes a folder named lib").to_path_buf(),
    };
    let include = root.join("include");
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".into());
    let mut build = cc::Build::new();
    // Glue around virtual calls: -O3 takes three times as long to compile and gains nothing.
    if env::var("OPT_LEVEL").is_ok_and(|level| level != "0") {
        build.opt_level(1);
    }
    build
        .cpp(true)
        .pic(true)
        .std("c++17")
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", Some(abi.as_str()))
        .file("cpp/node.cpp")
        .compile("tch_function");
}
