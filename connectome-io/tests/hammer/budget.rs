//! What a pickle costs: four times its size and 16 MB at most, whatever its instructions make.

use connectome_io::format::{pickle, pt};
use connectome_io::{Error, Limits};

use crate::FREE;
use crate::common::Folder;
use crate::meter::measure;

/// Size of the files, so large that what any file may cost is the smaller part.
const SIZE: usize = 24 << 20;

/// Reads a file and checks the peak against its size.
fn bounded<T>(name: &str, size: usize, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let (result, cost) = measure(read);
    let times = cost.memory.saturating_sub(FREE) as f64 / size as f64;
    let outcome = result.as_ref().map_or_else(ToString::to_string, |_| "read".to_owned());
    println!(
        "{:>6.0} ms {name:<16} {size:>9} bytes, peak {:>10}, beyond 16 MiB {times:.2} times: {outcome}",
        cost.time.as_secs_f64() * 1e3,
        cost.memory
    );
    assert!(cost.memory <= 4 * size + FREE, "{name}: {} bytes for a file of {size}", cost.memory);
    result
}

/// `start`, then `piece` again and again, then `end`.
fn repeated(start: &[u8], piece: &[u8], end: &[u8]) -> Vec<u8> {
    [start, &piece.repeat(SIZE / piece.len()), end].concat()
}

/// A name, then what [`repeated`] takes.
type Storm<'a> = (&'a str, &'a [u8], &'a [u8], &'a [u8]);

/// Reads pickles; what comes of it does not matter.
fn all_bounded(pickles: &[Storm<'_>]) {
    let f = Folder::new();
    for (name, start, piece, end) in pickles {
        let path = f.put("p.pkl", repeated(start, piece, end));
        let size = std::fs::metadata(&path).unwrap().len() as usize;
        let _ = bounded(name, size, || pickle::read(&path));
    }
}

#[test]
fn pickles_of_short_instructions() {
    all_bounded(&[
        ("none", b"(", b"N", b"l."),
        ("list", b"(", b"]", b"l."),
        ("tuple", b"(", b")", b"l."),
        ("dict", b"(", b"}", b"l."),
        ("set", b"(", b"\x8f", b"l."),
        ("marks", b"", b"(", b"."),
        ("byte", b"(", b"K\x01", b"l."),
        ("get", b"]q\0(", b"h\0", b"t."),
        ("memoize", b"N", b"\x94", b"."),
        ("far_memo", b"Nr\0\0\x80\x01", b"N0", b"."),
        ("nested_1", b"N", b"\x85", b"."),
        ("nested_3", b"N", b"NN\x87", b"."),
        ("tuples", b"(", b"NNN\x87", b"l."),
        ("nested_marks", b"(", b"(((lll", b"l."),
        ("appends", b"]", b"(NNNe", b"."),
        ("append", b"]", b"Na", b"."),
        ("added", b"\x8f", b"(NN\x90", b"."),
        ("frozen", b"(", b"(N\x91", b"l."),
    ]);
}

#[test]
fn pickles_of_texts_and_calls() {
    // A name and arguments in the memo, to be called by instructions of two bytes.
    let call = |module: &str, name: &str, args: &[u8]| {
        [format!("c{module}\n{name}\nq\0").as_bytes(), args, b"q\x01("].concat()
    };
    let text = [b"X\0\0\x10\0".as_slice(), &b"a".repeat(1 << 20)].concat();
    let latin = [&text, b"X\x06\0\0\0latin1\x86".as_slice()].concat();
    let one_list = [b"(".as_slice(), &b"N".repeat(1 << 16), b"l\x85"].concat();
    let pairs = [b"(NN\x86q\x02".as_slice(), &b"h\x02".repeat(1 << 16), b"l\x85"].concat();
    all_bounded(&[
        ("no_text", b"(", b"\x8c\0", b"l."),
        ("short_text", b"(", b"\x8c\x01a", b"l."),
        ("int_text", b"(", b"I1\n", b"l."),
        ("long_text", b"(", b"L1L\n", b"l."),
        ("line", b"(", b"V\n", b"l."),
        ("escaped", b"(", b"V\\u0041\n", b"l."),
        ("latin_line", b"V", b"\xe9", b"\n."),
        ("literal", b"(", b"S''\n", b"l."),
        ("big", b"(", &[b"\x8a\x40".as_slice(), &[0x55; 64]].concat(), b"l."),
        ("sets", &call("builtins", "frozenset", &one_list), b"h\0h\x01R", b"l."),
        ("ordered", &call("collections", "OrderedDict", &pairs), b"h\0h\x01R", b"l."),
        ("bytes", &call("builtins", "bytes", &[&text, b"\x85".as_slice()].concat()), b"h\0h\x01R", b"l."),
        ("encoded", &call("_codecs", "encode", &latin), b"h\0h\x01R", b"l."),
        ("complex", &call("builtins", "complex", b"K\x01K\x02\x86"), b"h\0h\x01R", b"l."),
        ("dtype", &call("numpy", "dtype", b"X\x02\0\0\0f8\x85"), b"h\0h\x01R", b"l."),
    ]);
}

/// What was compressed counts as what it inflates to.
#[test]
fn pickles_in_gzip_and_in_files_of_torch() {
    let f = Folder::new();
    let key = b"X\x01\0\0\x000";
    let persistent =
        [b"X\x07\0\0\0storagectorch\nFloatStorage\n".as_slice(), key, b"X\x03\0\0\0cpuK\x01tq\x01"].concat();
    let storages = repeated(&[b"((".as_slice(), &persistent].concat(), b"h\x01Q", b"l.");
    let tensor =
        [b"((".as_slice(), &persistent, b"Qq\x02ctorch._utils\n_rebuild_tensor\nq\0(h\x02K\0)\x94)tq\x03"].concat();
    for (name, pickle) in [
        ("numbers", repeated(b"(", b"K\x01", b"l.")),
        ("lists", repeated(b"(", b"]", b"l.")),
        ("ids", repeated(b"(", b"\x8a\x08\x0a\0\0\0\0\0\0\x0a", b"l.")),
        ("storages", storages),
        ("tensors", repeated(&tensor, b"h\0h\x03R", b"l.")),
    ] {
        let members = [("a/data.pkl", pickle.as_slice()), ("a/data/0", &[0; 4])];
        let stored = f.zip("stored.pt", &members, zip::CompressionMethod::Stored);
        let _ = bounded(name, pickle.len(), || pt::read(&stored, &Limits::default()));
        let _ = bounded(name, pickle.len(), || pt::read_tensors(&stored));
        let start = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".as_slice();
        let path = f.put("legacy.pt", [start, &pickle, b"]X\x01\0\0\x000a.\x01\0\0\0\0\0\0\0\0\0\0\0"].concat());
        let _ = bounded(name, pickle.len(), || pt::read(&path, &Limits::default()));
        if name == "lists" {
            let gz = f.gz("lists.pkl.gz", &pickle);
            let _ = bounded(name, pickle.len(), || pickle::read(&gz));
            let deflated = f.zip("deflated.pt", &members, zip::CompressionMethod::Deflated);
            let _ = bounded(name, pickle.len(), || pt::read(&deflated, &Limits::default()));
        }
    }
}

/// Ids in a list, names by id, rows of edges: what fits, and what is read when the limit is raised.
#[test]
fn honest_lists_and_dicts() {
    let f = Folder::new();
    let id = |n: usize| [b"\x8a\x08".as_slice(), &(720_575_940_600_000_000 + n as i64).to_le_bytes()].concat();
    let batches = |open: &[u8], close: &[u8], n: usize, item: &dyn Fn(usize) -> Vec<u8>| {
        let mut bytes = open.to_vec();
        for start in (0..n).step_by(1000) {
            bytes.push(b'(');
            (start..n.min(start + 1000)).for_each(|n| bytes.extend(item(n)));
            bytes.extend_from_slice(close);
        }
        bytes.push(b'.');
        bytes
    };
    let named = |n: usize| [id(n).as_slice(), b"\x8c\x0a", format!("AN_{n:07}").as_bytes(), b"\x94"].concat();
    let row = |n: usize| [b"J".as_slice(), &(n as u32).to_le_bytes(), b"M\x01\x02K\x05\x87\x94"].concat();
    let raised = Limits { objects: 1 << 30, ..Limits::default() };
    for (name, n, bytes, fits) in [
        ("ids", 2_000_000, batches(b"]", b"e", 2_000_000, &id), true),
        ("numbers", 500_000, batches(b"]", b"e", 500_000, &|n| vec![b'K', n as u8]), true),
        ("names", 150_000, batches(b"}", b"u", 150_000, &named), true),
        ("rows", 100_000, batches(b"]", b"e", 100_000, &row), true),
        ("many_rows", 300_000, batches(b"]", b"e", 300_000, &row), false),
    ] {
        let path = f.put(&format!("{name}.pkl"), &bytes);
        let result = bounded(name, bytes.len(), || pickle::read(&path));
        if let Err(error) = &result {
            assert!(error.to_string().contains("raise `ReadOptions::limits.objects`"), "{error}");
        }
        assert_eq!(result.is_ok(), fits, "{name}");
        let value = pickle::read_with(&path, &raised).unwrap();
        assert_eq!(value.as_dict().map_or_else(|| value.as_items().unwrap().len(), <[_]>::len), n);
    }
}

/// One element that stands for 24 MB, and one array under many names.
#[test]
fn what_is_shared_and_then_copied() {
    let f = Folder::new();
    let pickle = b"ctorch._utils\n_rebuild_tensor\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0J\0\0\x60\0\x85K\0\x85tR.";
    let path = f.zip("e.pt", &[("a/data.pkl", pickle), ("a/data/0", &[0; 4])], zip::CompressionMethod::Stored);
    let size = std::fs::metadata(&path).unwrap().len() as usize;
    let error = bounded("repeated", size, || pt::read(&path, &Limits::default())).unwrap_err();
    assert!(error.to_string().contains("raise `ReadOptions::limits.objects`"), "{error}");
    let raised = Limits { objects: 1 << 30, ..Limits::default() };
    assert_eq!(pt::read_array(&path, &raised).unwrap().len(), 0x60_0000);

    let array = b"cnumpy.core.numeric\n_frombuffer\n(B\0\0\x10\0";
    let start =
        [array.as_slice(), &[0; 1 << 20], b"cnumpy\ndtype\nX\x02\0\0\0u1\x85RJ\0\0\x10\0\x85X\x01\0\0\0CtRq\0("]
            .concat();
    let pickle = [start, b"h\0".repeat(1000), b"t\x86.".to_vec()].concat();
    let path = f.zip("s.pt", &[("a/data.pkl", &pickle)], zip::CompressionMethod::Stored);
    assert!(bounded("copied", pickle.len(), || pt::read(&path, &Limits::default())).is_ok());
    let error = bounded("copied", pickle.len(), || pt::read_tensors(&path)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}
