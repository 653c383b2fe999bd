//! Pickles that are programs, and those that only claim to be data.

use std::path::PathBuf;

use connectome_io::format::pickle::{self, MAX_DEPTH, Value};
use connectome_io::{Error, read};

use crate::common::Folder;
use crate::{check, refuse};

/// Writes a pickle and refuses it.
#[track_caller]
fn refuse_pickle(f: &Folder, bytes: impl AsRef<[u8]>, kind: fn(&Error) -> bool) -> Error {
    let path = f.put("p.pkl", bytes);
    check(pickle::read(&path).expect_err("the file should be refused"), &path, kind)
}

#[test]
fn programs_are_named_and_not_run() {
    let f = Folder::new();
    let mark = f.path().join("mark");
    let run = format!("touch {}", mark.display());
    let text = |text: &str| [b"X", (text.len() as u32).to_le_bytes().as_slice(), text.as_bytes()].concat();
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("numpy.lib.npyio", "load"),
        ("collections", "OrderedDict.__init__"),
        ("copyreg", "_reconstructor"),
        ("pandas.core.frame", "DataFrame"),
    ] {
        let global = format!("c{module}\n{name}\n").into_bytes();
        let stack_global = [text(module), text(name), b"\x93".to_vec()].concat();
        for global in [global, stack_global] {
            let program = [b"\x80\x04".to_vec(), global, text(&run), b"\x85R.".to_vec()].concat();
            let error = refuse_pickle(&f, program, is!(Error::Unsupported { .. })).to_string();
            assert!(error.contains(&format!("`{module}.{name}`")) && error.contains("nothing was executed"), "{error}");
        }
    }
    assert!(!mark.exists());
    // Names of torch have a meaning in its own files; others have none there either.
    let module = f.zip(
        "m.pt",
        &[("a/data.pkl", b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81.")],
        zip::CompressionMethod::Stored,
    );
    refuse(&module, is!(Error::Unsupported { .. }));
}

#[test]
fn instructions_that_data_do_not_need() {
    let f = Folder::new();
    for bytes in [
        b"(icollections\nOrderedDict\n.".as_slice(),
        b"(ccollections\nOrderedDict\no.",
        b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
        b"\x82\x01.",
        b"\x83\x01\x00.",
        b"\x84\x01\x00\x00\x00.",
        b"\x97.",
        b"N\x98.",
        b"P12\n.",
        b"NQ.",
        b"\x80\x06N.",
        b"]}b.",
        b"cbuiltins\nset\n.",
        b"cnumpy\ndtype\n.",
    ] {
        refuse_pickle(&f, bytes, is!(Error::Unsupported { .. }));
    }
    // Arrays of objects are pickles themselves, and structures need a type of their own.
    let array = |dtype: &str, state: &str| {
        format!(
            "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\ntcnumpy\ndtype\n(S'{dtype}'\nI0\nI1\ntR(I3\nS'|'\nN{state}NI-1\nI-1\nI0\ntbI00\n(lI1\natb."
        )
    };
    refuse_pickle(&f, array("O8", "N"), is!(Error::Unsupported { .. }));
    refuse_pickle(&f, array("V8", "(S'a'\nt"), is!(Error::Unsupported { .. }));
    refuse_pickle(&f, array("U8", "N"), is!(Error::Unsupported { .. }));
    refuse_pickle(&f, array("f8", "N"), is!(Error::Malformed { .. }));
}

#[test]
fn damage() {
    let f = Folder::new();
    refuse_pickle(&f, b"", is!(Error::Empty { .. }));
    refuse_pickle(&f, b"N.N.", is!(Error::TrailingBytes { .. }));
    for bytes in [
        b".".as_slice(),
        b"NN.",
        b"(N.",
        b"N(0N.",
        b"0.",
        b"a.",
        b"]Na0.",
        b"Na.",
        b"NNs.",
        b"}(Nu.",
        b"}]Ns.",
        b"(\x90.",
        b"N\x94h\x01.",
        b"Nr\xff\xff\xff\xff.",
        b"NNR.",
        b"ccollections\nOrderedDict\nNR.",
        b"ccollections\nOrderedDict\n(NNtR.",
        b"\xffN.",
        b"X\x01\x00\x00\x00\xff.",
        b"I1x\n.",
        b"Lx\n.",
        b"F1,5\n.",
        b"S'a\n.",
        b"V\\ud800\n.",
        b"gx\n.",
        b"NNN\x85b.",
        b"\x86.",
        b"NN\x93.",
        b"(N\x85.\x86",
    ] {
        refuse_pickle(&f, bytes, is!(Error::Malformed { .. }));
    }
    for bytes in [
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.".as_slice(),
        b"X\xff\xff\xff\xffab.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffab.",
        b"\x8d\x00\x00\x00\x00\x00\x00\x00\x80ab.",
        b"\x96\x00\x00\x00\x00\x01\x00\x00\x00ab.",
        b"\x8b\xff\xff\xff\x7f.",
        b"G\x00.",
        b"I12",
    ] {
        refuse_pickle(&f, bytes, is!(Error::Truncated { .. }));
    }
    for bytes in [b"}(I1\nI2\nI1\nI3\nu.".as_slice(), b"}(S'a'\nI2\nV\\u0061\nI3\nu.".as_slice()] {
        refuse_pickle(&f, bytes, is!(Error::DuplicateName { .. }));
    }
}

#[test]
fn cut_short_at_every_byte() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures"].iter().collect();
    let mut n = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pkl") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            let error = pickle::from_bytes(&bytes[..end]).expect_err("cut short");
            assert!(matches!(error, Error::Truncated { .. } | Error::Empty { .. }), "{end} of {path:?}: {error}");
        }
        n += 1;
    }
    assert!(n > 15);
}

/// What the real machine builds happily, and plain recursion then dies of.
#[test]
fn deep_nesting() {
    let f = Folder::new();
    let nested = |depth: usize, open: &[u8], close: &[u8]| {
        [open.repeat(depth), b"N".to_vec(), close.repeat(depth), b".".to_vec()].concat()
    };
    for depth in [MAX_DEPTH + 1, 100_000] {
        refuse_pickle(&f, nested(depth, b"(", b"l"), is!(Error::Malformed { .. }));
        refuse_pickle(&f, nested(depth, b"", b"\x85"), is!(Error::Malformed { .. }));
        refuse_pickle(&f, nested(depth, b"}N", b"s"), is!(Error::Malformed { .. }));
        refuse_pickle(&f, nested(depth, b"cbuiltins\nset\n(", b"ltR"), is!(Error::Malformed { .. }));
    }
    // A million of them cost too much before their depth is looked at.
    refuse_pickle(&f, nested(1_000_000, b"(", b"l"), is!(Error::TooLarge { .. }));
    let deepest = pickle::from_bytes(&nested(MAX_DEPTH, b"(", b"l")).unwrap();
    assert_eq!(deepest, deepest.clone());
    assert!(format!("{deepest:#?}").len() > MAX_DEPTH);
    drop(deepest);
    // Reduce inside of reduce, for the names of torch that take names of torch.
    let inner = b"ctorch._tensor\n_rebuild_from_type_v2\n(".repeat(100_000);
    let path = f.zip("r.pt", &[("a/data.pkl", &inner)], zip::CompressionMethod::Deflated);
    refuse(&path, is!(Error::Truncated { .. }));
}

#[test]
fn containers_that_contain_themselves() {
    let f = Folder::new();
    for bytes in [
        b"]q\x00h\x00a.".as_slice(),
        b"}q\x00Nh\x00s.",
        b"\x8fq\x00(h\x00\x90.",
        b"]q\x00(h\x00ta.",
        b"]q\x00]q\x01h\x00aa.",
    ] {
        let error = refuse_pickle(&f, bytes, is!(Error::Malformed { .. }));
        assert!(error.to_string().contains("contains itself"), "{error}");
    }
}

/// Each list holds the one before it twice: few bytes, and two to the hundredth items for those who walk them all.
#[test]
fn structures_that_explode() {
    let f = Folder::new();
    let mut laughs = b"]q\x00".to_vec();
    for i in 0..100 {
        laughs.extend_from_slice(&[b']', b'q', i + 1, b'h', i, b'a', b'h', i, b'a']);
    }
    laughs.extend_from_slice(&[b'(', b'h', 100, b'l', b'.']);
    // The lists before stay on the stack.
    let mut popped = b"]q\x00".to_vec();
    for i in 0..100u8 {
        popped.extend_from_slice(&[b'0', b']', b'q', i + 1, b'h', i, b'a', b'h', i, b'a']);
    }
    popped.push(b'.');
    refuse_pickle(&f, laughs, is!(Error::Malformed { .. }));
    refuse_pickle(&f, popped, is!(Error::TooLarge { .. }));

    // A set of a list, again and again.
    let mut sets = b"(".to_vec();
    sets.extend(b"K\x01".repeat(10_000));
    sets.extend_from_slice(b"lq\x000(");
    sets.extend(b"cbuiltins\nset\nh\x00\x85R".repeat(10_000));
    sets.extend_from_slice(b"l.");
    refuse_pickle(&f, sets, is!(Error::TooLarge { .. }));

    // Bytes from text, again and again.
    let mut copies = b"X\x00\x00\x01\x00".to_vec();
    copies.extend(b"a".repeat(1 << 16));
    copies.extend_from_slice(b"q\x000(c_codecs\nencode\nq\x02X\x06\x00\x00\x00latin1q\x01");
    copies.extend(b"h\x02h\x00h\x01\x86R".repeat(10_000));
    copies.extend_from_slice(b"l.");
    refuse_pickle(&f, copies, is!(Error::TooLarge { .. }));
}

#[test]
fn shared_parts_are_no_crime() {
    let mut shared = b"(X\x04\x00\x00\x00GABAq\x00".to_vec();
    shared.extend(b"h\x00".repeat(10_000));
    shared.extend_from_slice(b"l.");
    let value = pickle::from_bytes(&shared).unwrap();
    assert_eq!(value.as_items().unwrap().len(), 10_001);
    assert!(value.as_items().unwrap().iter().all(|item| *item == Value::Text("GABA".into())));
}

#[test]
fn numbers_without_end() {
    let f = Folder::new();
    let mut long = vec![0x8b];
    long.extend_from_slice(&(1u32 << 20).to_le_bytes());
    long.extend(vec![0x55; 1 << 20]);
    long.push(b'.');
    refuse_pickle(&f, long, is!(Error::Unsupported { .. }));
    refuse_pickle(&f, format!("L{}L\n.", "9".repeat(1 << 20)), is!(Error::Malformed { .. }));
}

#[test]
fn pickles_without_matrix() {
    let f = Folder::new();
    refuse(&f.put("n.pkl", b"N."), is!(Error::Missing { .. }));
    let error = read(f.put("d.pkl", b"}X\x01\x00\x00\x00aK\x01s.")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}
