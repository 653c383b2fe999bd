//! The crates of the workspace form layers: each depends only on those below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

/// Lowest first. A crate may depend on any of the crates named before it, and on no other of the workspace.
const ORDER: [&str; 10] = [
    "connectome-io",
    "connectome-graph",
    "tch-function",
    "tch-train",
    "tch-sparse",
    "sparse-ode",
    "convgru-feedback",
    "lyapunov",
    "fly-vision",
    "flybrain",
];
/// Above all of them, and apart from each other.
const TOP: [&str; 3] = ["examples", "benches", "tests"];
/// Sets libtorch up, so it can need nothing that needs libtorch.
const ALONE: &str = "xtask";
/// Can be used, and built, without libtorch.
const WITHOUT_LIBTORCH: [&str; 3] = ["connectome-io", "connectome-graph", "xtask"];

/// What is wrong with the dependencies in the output of `cargo metadata --no-deps`; of every kind: normal, build, dev.
fn violations(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let allowed: &[&str] = if let Some(level) = ORDER.iter().position(|layer| *layer == name) {
            &ORDER[..level]
        } else if TOP.contains(&name) {
            &ORDER
        } else if name == ALONE {
            &[]
        } else {
            wrong.push(format!("{name} has no place in the order of layers"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if members.contains(on) && on != name && !allowed.contains(&on) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                wrong.push(format!("{name} depends on {on} ({kind}), which is not below it"));
            }
        }
    }
    wrong
}

/// The packages of a `Cargo.lock` and what each depends on, both as "name version".
fn locked(text: &str) -> BTreeMap<String, Vec<String>> {
    let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let mut packages = Vec::new();
    for block in text.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            block.lines().find(|line| line.starts_with(&start)).map(quoted).unwrap_or_default()
        };
        let dependencies: Vec<String> = block.lines().filter(|line| line.starts_with(" \"")).map(quoted).collect();
        packages.push((field("name"), field("version"), dependencies));
    }
    // a dependency is named without its version where there is only one
    let full = |dependency: &String| {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        packages
            .iter()
            .find(|package| package.0 == name && version.is_none_or(|version| version == package.1))
            .map(|package| format!("{name} {}", package.1))
    };
    packages
        .iter()
        .map(|(name, version, dependencies)| {
            (format!("{name} {version}"), dependencies.iter().filter_map(full).collect())
        })
        .collect()
}

/// The way from the package called `from` to one called `to`, through dependencies of any kind, feature or platform.
fn path(packages: &BTreeMap<String, Vec<String>>, from: &str, to: &[&str]) -> Option<Vec<String>> {
    let name = |package: &str| package.split(' ').next().unwrap_or_default().to_owned();
    let mut ways: Vec<Vec<String>> =
        packages.keys().filter(|package| name(package) == from).map(|package| vec![package.clone()]).collect();
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        if to.contains(&name(last).as_str()) {
            return Some(way);
        }
        if seen.insert(last.clone()) {
            for next in packages.get(last).into_iter().flatten() {
                ways.push(way.iter().chain([next]).cloned().collect());
            }
        }
    }
    None
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn each_crate_depends_only_on_those_below_it() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(metadata["packages"].as_array().is_some_and(|packages| packages.len() > ORDER.len() / 2));
    let wrong = violations(&metadata);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_data_layer_is_free_of_libtorch() {
    let packages = locked(&fs::read_to_string(root().join("Cargo.lock")).unwrap());
    for name in WITHOUT_LIBTORCH {
        assert!(packages.keys().any(|package| package.starts_with(&format!("{name} "))), "{name} is not in Cargo.lock");
        if let Some(way) = path(&packages, name, &["tch", "torch-sys"]) {
            panic!("{name} depends on libtorch: {}", way.join(" -> "));
        }
    }
    assert!(path(&packages, "tch-sparse", &["torch-sys"]).is_some(), "Cargo.lock was not understood");
}

#[test]
fn a_dependency_upwards_is_found_whatever_its_kind() {
    let package = |name: &str, on: &str, kind: Option<&str>| json!({"name": name, "dependencies": [{"name": on, "kind": kind}, {"name": "rayon", "kind": null}]});
    let metadata = |packages: Vec<Value>| json!({"packages": packages});
    let good = [
        package("connectome-io", "csv", None),
        package("connectome-graph", "connectome-io", None),
        package("tests", "connectome-graph", Some("dev")),
        package("benches", "connectome-io", None),
        package("xtask", "libc", None),
    ];
    assert!(violations(&metadata(good.to_vec())).is_empty());
    for (place, bad) in [
        (0, package("connectome-io", "connectome-graph", Some("dev"))),
        (1, package("connectome-graph", "tests", Some("build"))),
        (2, package("tests", "benches", None)),
        (4, package("xtask", "connectome-io", None)),
        (3, package("unheard-of", "csv", None)),
    ] {
        let mut packages = good.to_vec();
        packages[place] = bad;
        assert_eq!(violations(&metadata(packages)).len(), 1);
    }
}

#[test]
fn versions_in_the_lock_file_are_told_apart() {
    let lock = "\
[[package]]
name = \"a\"
version = \"1.0.0\"
dependencies = [
 \"zip 9.4.1\",
]

[[package]]
name = \"zip\"
version = \"0.6.6\"
dependencies = [
 \"tch\",
]

[[package]]
name = \"zip\"
version = \"9.4.1\"

[[package]]
name = \"tch\"
version = \"0.24.0\"
";
    let packages = locked(lock);
    assert_eq!(path(&packages, "a", &["tch"]), None);
    let packages = locked(&lock.replace("zip 9.4.1", "zip 0.6.6"));
    assert_eq!(path(&packages, "a", &["tch"]).unwrap(), ["a 1.0.0", "zip 0.6.6", "tch 0.24.0"]);
}
