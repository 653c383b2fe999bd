//! What a model leaves of a connectome beside its wiring: columns, kinds, signs.

use connectome_graph::null::{DegreePreserving, NullModel, SignShuffle};
use connectome_io::{Connectome, Labels, NeuronTable, Provenance, Sign, SynapseTable};

use crate::{models, types, worm};

/// Kinds are randomised for themselves, gap junctions stay, parallel rows move together, attributes go along.
#[test]
fn connectomes_keep_their_columns() {
    let n = 40u32;
    let (mut pre, mut post, mut kinds, mut part) = (vec![], vec![], vec![], vec![]);
    for i in 0..n {
        for step in [1, 3, 7] {
            for region in ["left", "right"] {
                pre.push(i);
                post.push((i + step) % n);
                kinds.push(if step == 7 { "electrical" } else { "chemical" });
                part.push(region);
            }
        }
        pre.push(i);
        post.push((i + 1) % n);
        kinds.push("peptide");
        part.push("left");
    }
    let weight: Vec<f64> = (0..pre.len()).map(|row| (row % 17 + 1) as f64).collect();
    let synapses = SynapseTable::new(pre.clone(), post.clone(), weight.clone())
        .unwrap()
        .with_kinds(Labels::from_values(kinds.iter()))
        .unwrap()
        .with_column("region", Labels::from_values(part.iter()))
        .unwrap();
    let neurons = NeuronTable::numbered(n as usize).with_types(types(n as usize)).unwrap();
    let original = Connectome::new(neurons, synapses, Provenance::default()).unwrap();
    for model in models(n as usize) {
        let null = model.connectome(&original, 2).unwrap();
        assert_eq!(null.neurons(), original.neurons());
        assert_eq!(null.synapses().kinds(), original.synapses().kinds());
        assert_eq!(null.synapses().columns(), original.synapses().columns());
        for row in 0..pre.len() {
            if kinds[row] == "electrical" {
                assert_eq!((null.synapses().pre()[row], null.synapses().post()[row]), (pre[row], post[row]));
                assert_eq!(null.synapses().weight()[row], weight[row]);
            }
        }
    }
    let (null, report) = DegreePreserving::new().connectome_with_report(&original, 2).unwrap();
    assert_eq!(report.fixed, 2 * u64::from(n));
    let (table, mut moved) = (null.synapses(), 0);
    for kind in ["chemical", "electrical", "peptide"] {
        let rows: Vec<usize> = (0..pre.len()).filter(|&row| kinds[row] == kind).collect();
        let mut inputs = vec![0i32; n as usize];
        for &row in &rows {
            assert_eq!(table.pre()[row], pre[row]);
            inputs[table.post()[row] as usize] += 1;
            inputs[post[row] as usize] -= 1;
            moved += usize::from(table.post()[row] != post[row]);
        }
        assert!(inputs.iter().all(|&difference| difference == 0), "{kind}");
    }
    assert!(moved > 100, "{moved}");
    for row in (0..pre.len() - 1).filter(|&row| part[row] == "left" && part[row + 1] == "right") {
        assert_eq!(table.post()[row], table.post()[row + 1]);
    }
}

/// Signs turn in all tables at once.
#[test]
fn signs_of_a_connectome_turn_together() {
    let worm = worm();
    let signs = |c: &Connectome| c.neurons().signs().unwrap().to_vec();
    let count = |signs: &[Sign], sign| signs.iter().filter(|&&s| s == sign).count();
    let null = SignShuffle::Neurons.connectome(&worm, 9).unwrap();
    assert_ne!(signs(&null), signs(&worm));
    for sign in [Sign::Inhibitory, Sign::Unknown, Sign::Excitatory] {
        assert_eq!(count(&signs(&null), sign), count(&signs(&worm), sign));
    }
    assert_eq!(null.synapses().weight(), worm.synapses().weight());
    let (before, after) = (worm.synapses().signs().unwrap(), null.synapses().signs().unwrap());
    for (row, &pre) in worm.synapses().pre().iter().enumerate() {
        let turned = signs(&worm)[pre as usize] != signs(&null)[pre as usize];
        let expected = if turned { Sign::of(-before[row].factor()) } else { before[row] };
        assert_eq!(after[row], expected);
    }
    let null = SignShuffle::Synapses.connectome(&worm, 9).unwrap();
    assert_eq!(count(null.synapses().signs().unwrap(), Sign::Inhibitory), count(before, Sign::Inhibitory));
    assert_eq!(count(&signs(&null), Sign::Unknown), 302);
}

/// Counts of synapses beside signs of neurons alone: counts stay, and as many synapses as before inhibit.
#[test]
fn signs_that_only_neurons_have() {
    let worm = worm();
    let table = worm.synapses();
    let counts = SynapseTable::new(table.pre().to_vec(), table.post().to_vec(), table.weight().to_vec()).unwrap();
    let worm = Connectome::new(worm.neurons().clone(), counts, worm.provenance().clone()).unwrap();
    let before = worm.neurons().signs().unwrap();
    let inhibit = |signs: &[Sign]| signs.iter().filter(|&&sign| sign == Sign::Inhibitory).count();
    let of_pre: Vec<Sign> = worm.synapses().pre().iter().map(|&pre| before[pre as usize]).collect();

    let null = SignShuffle::Neurons.connectome(&worm, 9).unwrap();
    assert_eq!((null.synapses(), inhibit(null.neurons().signs().unwrap())), (worm.synapses(), inhibit(before)));
    assert_ne!(null.neurons().signs(), worm.neurons().signs());

    let null = SignShuffle::Synapses.connectome(&worm, 9).unwrap();
    let after = null.synapses().signs().unwrap();
    assert_eq!((null.synapses().weight(), inhibit(after)), (worm.synapses().weight(), inhibit(&of_pre)));
    assert!(
        inhibit(after) > 0 && after != of_pre && null.neurons().signs().unwrap().iter().all(|&s| s == Sign::Unknown)
    );

    // weights with signs turn, whatever else there is
    let weights = of_pre.iter().zip(table.weight()).map(|(sign, w)| if *sign == Sign::Inhibitory { -w } else { *w });
    let signed = SynapseTable::new(table.pre().to_vec(), table.post().to_vec(), weights.collect()).unwrap();
    let signed = Connectome::new(worm.neurons().clone(), signed, worm.provenance().clone()).unwrap();
    let null = SignShuffle::Neurons.connectome(&signed, 9).unwrap();
    for ((&pre, now), then) in table.pre().iter().zip(null.synapses().weight()).zip(signed.synapses().weight()) {
        let turned = null.neurons().signs().unwrap()[pre as usize] != before[pre as usize];
        assert_eq!(*now, if turned { -then } else { *then });
    }
}
