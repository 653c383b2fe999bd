//! What is written is read back, bit by bit.

mod common;

use std::collections::BTreeMap;

use common::Folder;
use connectome_io::format::{npy, npz, safetensors};
use connectome_io::{
    Array, ArrayData, Connectome, Dtype, Duplicates, InputFile, Labels, LatticeWiring, NeuronTable, Orientation,
    Placement, Positions, Provenance, ReadOptions, Sign, SynapseTable, TypePair, read, read_with, write,
};
use half::{bf16, f16};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
}

fn sign() -> impl Strategy<Value = Sign> {
    prop_oneof![Just(Sign::Inhibitory), Just(Sign::Unknown), Just(Sign::Excitatory)]
}

/// Words with what makes text formats stumble.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 ,;\"'äß√\n\r\t-]{0,8}",
        Just(String::new()),
        Just("NaN".to_owned()),
        Just("  padded ".to_owned())
    ]
}

fn labels(n: usize) -> impl Strategy<Value = Labels> {
    vec(word(), n).prop_map(Labels::from_values)
}

fn neurons(n: usize) -> impl Strategy<Value = NeuronTable> {
    let ids = btree_set(any::<i64>(), n).prop_map(|ids| ids.into_iter().collect::<Vec<_>>()).prop_shuffle();
    let points = vec(option::of([finite(), finite(), finite()]), n);
    let positions = (points, prop_oneof![Just(""), Just("nm"), Just("8 nm voxel")]);
    (
        ids,
        option::of(vec(word(), n)),
        [option::of(labels(n)), option::of(labels(n)), option::of(labels(n))],
        option::of(vec(sign(), n)),
        option::of(positions),
        vec(labels(n), 0..3),
    )
        .prop_map(|(ids, names, [types, classes, transmitters], signs, positions, further)| {
            let mut table = NeuronTable::new(ids).unwrap();
            if let Some(names) = names {
                table = table.with_names(names).unwrap();
            }
            if let Some(types) = types {
                table = table.with_types(types).unwrap();
            }
            if let Some(classes) = classes {
                table = table.with_classes(classes).unwrap();
            }
            if let Some(transmitters) = transmitters {
                table = table.with_transmitters(transmitters).unwrap();
            }
            if let Some(signs) = signs {
                table = table.with_signs(signs).unwrap();
            }
            if let Some((points, unit)) = positions {
                table = table.with_positions(Positions::new(points, unit).unwrap()).unwrap();
            }
            for (i, labels) in further.into_iter().enumerate() {
                table = table.with_column(format!("further, {i}"), labels).unwrap();
            }
            table
        })
}

fn synapses(n: usize) -> impl Strategy<Value = SynapseTable> {
    (0usize..40).prop_flat_map(move |m| {
        let end = || vec(0..n as u32, m);
        (end(), end(), vec(finite(), m), option::of(vec(sign(), m)), option::of(labels(m)), vec(labels(m), 0..2))
            .prop_map(|(pre, post, weight, signs, kinds, further)| {
                let mut table = SynapseTable::new(pre, post, weight).unwrap();
                if let Some(signs) = signs {
                    table = table.with_signs(signs).unwrap();
                }
                if let Some(kinds) = kinds {
                    table = table.with_kinds(kinds).unwrap();
                }
                for (i, labels) in further.into_iter().enumerate() {
                    table = table.with_column(format!("remark {i}"), labels).unwrap();
                }
                table
            })
    })
}

fn provenance() -> impl Strategy<Value = Provenance> {
    (word(), option::of(word()), option::of(finite()), option::of(word()), option::of("[0-9a-f]{64}")).prop_map(
        |(source, version, threshold, licence, sha256)| {
            let mut p = Provenance::new(source, Orientation::PrePost);
            if let Some(version) = version {
                p = p.with_version(version);
            }
            if let Some(threshold) = threshold {
                p = p.with_threshold(threshold);
            }
            if let Some(licence) = licence {
                p = p.with_licence(licence);
            }
            if let Some(sha256) = sha256 {
                let input = InputFile { name: p.source().to_owned(), bytes: u64::MAX, sha256 };
                p = p.with_reference("A et al. 2020").with_inputs(vec![input]);
            }
            p
        },
    )
}

fn connectome() -> impl Strategy<Value = Connectome> {
    (1usize..12).prop_flat_map(|n| {
        (neurons(n), synapses(n), provenance()).prop_map(|(n, s, p)| Connectome::new(n, s, p).unwrap())
    })
}

/// A lattice over the connections of any connectome: one pair per pair of ends.
fn lattice_connectome() -> impl Strategy<Value = Connectome> {
    (connectome(), any::<[u32; 2]>(), any::<[i32; 2]>(), any::<u32>()).prop_map(|(c, stride, offset, bits)| {
        let s = c.synapses();
        let mut ends: Vec<(u32, u32)> = s.pre().iter().copied().zip(s.post().iter().copied()).collect();
        let pair_of = |ends: &[(u32, u32)], e| ends.binary_search(&e).unwrap() as u32;
        let rows = ends.clone();
        ends.sort_unstable();
        ends.dedup();
        let certainty = Some(f32::from_bits(bits)).filter(|c| c.is_finite()).unwrap_or(1.0);
        let pairs = ends.iter().map(|&(pre, post)| TypePair { pre, post, sign: Sign::Inhibitory, certainty }).collect();
        let pair = rows.iter().map(|&e| pair_of(&ends, e)).collect();
        let placement = (0..c.n_neurons())
            .map(|i| if i % 2 == 0 { Placement::Single } else { Placement::Stride(stride.map(|s| s.max(1))) })
            .collect();
        let offsets = vec![offset; rows.len()];
        c.with_lattice(LatticeWiring::new(placement, pairs, pair, offsets).unwrap()).unwrap()
    })
}

/// Arrays of every type, NaN payloads and negative zeros included.
fn array() -> impl Strategy<Value = Array> {
    (vec(0usize..5, 0..4), 0usize..14).prop_flat_map(|(shape, dtype)| {
        let n = shape.iter().product::<usize>();
        vec(any::<u64>(), 2 * n).prop_map(move |bits| {
            let bits = &bits[..n];
            let data: ArrayData = match dtype {
                0 => bits.iter().map(|b| b & 1 == 1).collect::<Vec<bool>>().into(),
                1 => bits.iter().map(|&b| b as i8).collect::<Vec<_>>().into(),
                2 => bits.iter().map(|&b| b as i16).collect::<Vec<_>>().into(),
                3 => bits.iter().map(|&b| b as i32).collect::<Vec<_>>().into(),
                4 => bits.iter().map(|&b| b as i64).collect::<Vec<_>>().into(),
                5 => bits.iter().map(|&b| b as u8).collect::<Vec<_>>().into(),
                6 => bits.iter().map(|&b| b as u16).collect::<Vec<_>>().into(),
                7 => bits.iter().map(|&b| b as u32).collect::<Vec<_>>().into(),
                8 => bits.to_vec().into(),
                9 => bits.iter().map(|&b| f16::from_bits(b as u16)).collect::<Vec<_>>().into(),
                10 => bits.iter().map(|&b| f32::from_bits(b as u32)).collect::<Vec<_>>().into(),
                11 => bits.iter().map(|&b| f64::from_bits(b)).collect::<Vec<_>>().into(),
                12 => bits.iter().map(|&b| [b as u32, (b >> 32) as u32].map(f32::from_bits)).collect::<Vec<_>>().into(),
                _ => bits.iter().map(|&b| [b, !b].map(f64::from_bits)).collect::<Vec<_>>().into(),
            };
            Array::new(shape.clone(), data).unwrap()
        })
    })
}

/// Equality of bits, since NaN is unlike itself. The bytes of a `.npy` file are shape, type and bits.
#[track_caller]
fn same(a: &Array, b: &Array) {
    assert_eq!(a.shape(), b.shape());
    assert_eq!(npy::to_bytes(a).unwrap(), npy::to_bytes(b).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn safetensors_keep_everything(c in prop_oneof![connectome(), lattice_connectome()]) {
        let f = Folder::new();
        let path = f.path().join("c.safetensors");
        write(&c, &path).unwrap();
        let back = read(&path).unwrap();
        prop_assert_eq!(&back, &c);
        // Equality of floats forgives the sign of zero; bits do not.
        let bits = |c: &Connectome| c.synapses().weight().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&c));
    }

    #[test]
    fn tables_keep_neurons_and_synapses(c in connectome(), gz in any::<bool>()) {
        let f = Folder::new();
        let path = f.path().join(if gz { "edges.csv.gz" } else { "edges.csv" });
        write(&c, &path).unwrap();
        let keep = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
        let back = read_with(&path, &keep).unwrap();
        prop_assert_eq!(back.neurons(), c.neurons());
        prop_assert_eq!(back.synapses(), c.synapses());
        let bits = |c: &Connectome| c.synapses().weight().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&c));
    }

    #[test]
    fn graphs_keep_everything_but_a_lattice(c in connectome(), gz in any::<bool>()) {
        let f = Folder::new();
        let path = f.path().join(if gz { "c.graphml.gz" } else { "c.graphml" });
        write(&c, &path).unwrap();
        let keep = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
        let back = read_with(&path, &keep).unwrap();
        prop_assert_eq!(&back, &c);
        let bits = |c: &Connectome| c.synapses().weight().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&c));
    }

    #[test]
    fn matrix_market_keeps_weights(c in connectome(), gz in any::<bool>()) {
        let f = Folder::new();
        let path = f.path().join(if gz { "c.mtx.gz" } else { "c.mtx" });
        write(&c, &path).unwrap();
        let keep = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
        let back = read_with(&path, &keep).unwrap();
        prop_assert_eq!(back.n_neurons(), c.n_neurons());
        prop_assert_eq!(back.synapses().pre(), c.synapses().pre());
        prop_assert_eq!(back.synapses().post(), c.synapses().post());
        let bits = |c: &Connectome| c.synapses().weight().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&c));
    }

    #[test]
    #[cfg(feature = "parquet")]
    fn typed_columns_keep_neurons_and_synapses(c in connectome()) {
        let f = Folder::new();
        let path = f.path().join("edges.parquet");
        write(&c, &path).unwrap();
        let keep = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
        let back = read_with(&path, &keep).unwrap();
        prop_assert_eq!(back.neurons(), c.neurons());
        prop_assert_eq!(back.synapses(), c.synapses());
        let bits = |c: &Connectome| c.synapses().weight().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&c));
    }

    #[test]
    fn npy_and_npz_keep_every_bit(arrays in vec(array(), 1..4), deflate in any::<bool>()) {
        let f = Folder::new();
        same(&npy::from_bytes(&npy::to_bytes(&arrays[0]).unwrap()).unwrap(), &arrays[0]);
        let path = f.path().join("a.npy");
        npy::write(&path, &arrays[0]).unwrap();
        same(&npy::read(&path).unwrap(), &arrays[0]);
        let named: BTreeMap<String, Array> = (0..).map(|i: i32| format!("dir/a{i}")).zip(arrays).collect();
        let compression = if deflate { npz::Compression::Deflated } else { npz::Compression::Stored };
        let path = f.path().join("a.npz");
        npz::write(&path, &named, compression).unwrap();
        let back = npz::read(&path).unwrap();
        prop_assert!(back.keys().eq(named.keys()));
        named.iter().for_each(|(name, array)| same(&back[name], array));
    }

    #[test]
    fn tensors_keep_every_bit(arrays in vec(array(), 0..5), metadata in proptest::collection::btree_map(word(), word(), 0..4)) {
        let f = Folder::new();
        let path = f.path().join("t.safetensors");
        let named = arrays.into_iter().filter(|a| a.dtype() != Dtype::C128);
        let mut arrays: BTreeMap<String, Array> = (0..).map(|i: i32| format!("t{i}")).zip(named).collect();
        arrays.insert("brain".to_owned(), Array::vector(vec![bf16::from_f32(0.1), bf16::INFINITY]));
        let tensors = safetensors::Tensors { arrays, metadata };
        safetensors::write_tensors(&path, &tensors).unwrap();
        let back = safetensors::read_tensors(&path).unwrap();
        prop_assert_eq!(&back.metadata, &tensors.metadata);
        prop_assert!(back.arrays.keys().eq(tensors.arrays.keys()));
        prop_assert_eq!(&back.arrays["brain"], &tensors.arrays["brain"]);
        for (name, array) in tensors.arrays.iter().filter(|(name, _)| *name != "brain") {
            same(&back.arrays[name], array);
        }
    }

    /// Reversing the dimensions twice changes nothing, and element [i, j] becomes [j, i].
    #[test]
    fn transposition(array in array()) {
        same(&array.transpose().transpose(), &array);
    }

    /// Summing duplicates keeps the total and leaves every pair of ends once.
    #[test]
    fn sums_keep_the_total(edges in vec((0u8..6, 0u8..6, 1u32..9), 1..40)) {
        let f = Folder::new();
        let mut text = "pre,post,weight\n".to_owned();
        edges.iter().for_each(|(a, b, w)| text.push_str(&format!("{a},{b},{w}\n")));
        let path = f.put("e.csv", &text);
        let sum = ReadOptions { duplicates: Duplicates::Sum, ..ReadOptions::default() };
        let c = read_with(&path, &sum).unwrap();
        prop_assert_eq!(c.total_weight(), edges.iter().map(|e| f64::from(e.2)).sum::<f64>());
        let mut ends: Vec<_> = c.synapses().pre().iter().zip(c.synapses().post()).collect();
        let n = ends.len();
        ends.sort_unstable();
        ends.dedup();
        prop_assert_eq!(ends.len(), n);
        prop_assert_eq!(read(&path).is_err(), n < edges.len());
    }
}
