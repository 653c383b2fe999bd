//! Counts that are published for real data sets.

use std::path::PathBuf;

use connectome_io::format::{csv_tables, flyvis_json, idx, npy, safetensors};
use connectome_io::{
    AreaTable, Connectome, GapJunctions, Limits, Muscle, NeuronsFile, Orientation, Placement, ReadOptions, Rows, Sign,
    SynapseTable, read, read_array, read_with,
};

/// A file beside the examples.
fn fly() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz")
}

fn data(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data")).join(name)
}

/// A file of the data sets that are not part of the repository; `None`, and a message, if they are not there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/files")).join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// Sum of the weights of rows for which `keep` holds.
fn weight_where(connectome: &Connectome, keep: impl Fn(usize) -> bool) -> f64 {
    let weight = connectome.synapses().weight();
    (0..weight.len()).filter(|&row| keep(row)).map(|row| weight[row]).sum()
}

#[test]
fn celegans_has_302_neurons_and_20589_synapses() {
    let worm = read(data("celegans/chemical.csv")).unwrap();
    assert_eq!(worm.n_neurons(), 302);
    assert_eq!(worm.n_synapses(), 3_638);
    assert_eq!(worm.total_weight(), 20_589.0);
    assert_eq!(worm.neurons().names().unwrap()[0], "ADAL");
    assert_eq!(worm.neurons().transmitters().unwrap().get(0), "Glu");
    assert_eq!(worm.neurons().classes().unwrap().get(2), "sensory neuron");
    assert_eq!(worm.neurons().column("nt_alt").unwrap().len(), 302);
    assert_eq!(worm.provenance().orientation(), Orientation::EdgeList);
    assert_eq!(worm.provenance().source(), "chemical.csv");

    // Fenyves et al. 2020: synapses by predicted polarity.
    let polarity = worm.synapses().column("polarity").unwrap();
    let by_polarity = |name: &str| weight_where(&worm, |row| polarity.get(row) == name);
    assert_eq!(by_polarity("+"), 9_070.0);
    assert_eq!(by_polarity("-"), 2_580.0);
    assert_eq!(by_polarity("complex"), 3_413.0);
    let signs = worm.synapses().signs().unwrap();
    assert_eq!(weight_where(&worm, |row| signs[row] == Sign::Excitatory), 9_070.0);
    assert_eq!(weight_where(&worm, |row| signs[row] == Sign::Inhibitory), 2_580.0);

    // The folder stands for its table.
    assert_eq!(read(data("celegans")).unwrap(), worm);
}

#[test]
fn celegans_gap_junctions_become_symmetric_on_request() {
    let published = read(data("celegans/gap.csv")).unwrap();
    assert_eq!(published.n_synapses(), 2_168);
    let rows: std::collections::HashSet<_> = {
        let s = published.synapses();
        (0..s.len()).map(|i| (s.pre()[i], s.post()[i], s.weight()[i].to_bits())).collect()
    };
    assert_eq!(rows.iter().filter(|(a, b, w)| rows.contains(&(*b, *a, *w))).count(), 2_139);
    assert_eq!(published.synapses().kinds().unwrap().names(), [SynapseTable::ELECTRICAL]);
    let options = ReadOptions { gap_junctions: GapJunctions::Symmetrise, ..ReadOptions::default() };
    let symmetric = read_with(data("celegans/gap.csv"), &options).unwrap();
    let entries = |c: &Connectome| {
        let s = c.synapses();
        let mut rows: Vec<_> = (0..s.len()).map(|i| (s.pre()[i], s.post()[i], s.weight()[i].to_bits())).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!(entries(&symmetric), entries(&symmetric.clone().transpose()));
    let self_rows = published.synapses().pre().iter().zip(published.synapses().post()).filter(|(a, b)| a == b).count();
    assert_eq!(self_rows, 13);
    let mut pairs: Vec<_> = entries(&published).iter().map(|e| (e.0.min(e.1), e.0.max(e.1))).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(symmetric.n_synapses(), 2 * pairs.len() - self_rows);
}

#[test]
fn varshney_list_has_279_neurons_2194_pairs_and_514_gap_pairs() {
    let options = ReadOptions { neurons: NeuronsFile::None, ..ReadOptions::default() };
    let worm = read_with(data("celegans/varshney2011.csv"), &options).unwrap();
    assert_eq!(worm.n_neurons(), 279);
    let kinds = worm.synapses().kinds().unwrap();
    let chemical = kinds.rows_of(SynapseTable::CHEMICAL);
    let electrical = kinds.rows_of(SynapseTable::ELECTRICAL);
    assert_eq!(chemical.len(), 2_194);
    assert_eq!(weight_where(&worm, |row| kinds.get(row) == SynapseTable::CHEMICAL), 6_394.0);
    let synapses = worm.synapses().select(&electrical);
    let mut pairs: Vec<_> = (0..synapses.len())
        .map(|row| (synapses.pre()[row], synapses.post()[row]))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), 514);
    assert_eq!(worm.n_synapses(), 2_194 + electrical.len());

    let muscle = ReadOptions { muscle: Muscle::Keep, ..options };
    let worm = read_with(data("celegans/varshney2011.csv"), &muscle).unwrap();
    // One neuron has no synapse but onto muscle.
    assert_eq!(worm.n_neurons(), 281);
    assert_eq!(worm.neurons().names().unwrap()[280], "NMJ");
    let kinds = worm.synapses().kinds().unwrap();
    assert_eq!(weight_where(&worm, |row| kinds.get(row) == SynapseTable::NEUROMUSCULAR), 1_410.0);
}

#[test]
fn varshney_names_match_the_table_of_neurons_in_either_spelling() {
    let worm = read(data("celegans/varshney2011.csv")).unwrap();
    assert_eq!(worm.n_neurons(), 302);
    let kinds = worm.synapses().kinds().unwrap();
    assert_eq!(weight_where(&worm, |row| kinds.get(row) == SynapseTable::CHEMICAL), 6_394.0);
}

#[test]
fn flyvis_has_65_types_605_pairs_and_2140_displacements() {
    let fly = read(fly()).unwrap();
    assert_eq!(fly.n_neurons(), 65);
    assert_eq!(fly.n_synapses(), 2_140);
    assert!((fly.total_weight() - 8_087.25).abs() < 0.005, "{}", fly.total_weight());
    let lattice = fly.lattice().unwrap();
    assert_eq!(lattice.n_pairs(), 605);
    let positive = lattice.pairs().iter().filter(|p| p.sign == Sign::Excitatory).count();
    assert_eq!((positive, lattice.n_pairs() - positive), (377, 228));
    assert!(lattice.offset().iter().flatten().all(|d| d.abs() <= 6));
    let weight = fly.synapses().weight();
    assert!(weight.iter().all(|w| (0.0446..144.1).contains(w)));

    let names = fly.neurons().names().unwrap();
    assert_eq!((names[0].as_str(), names[64].as_str()), ("R1", "TmY18"));
    for (name, placement) in names.iter().zip(lattice.placement()) {
        let stride = if name.starts_with("Lawf") { [3, 2] } else { [1, 1] };
        assert_eq!(*placement, Placement::Stride(stride), "{name}");
    }
    let classes = fly.neurons().classes().unwrap();
    let count = |class| classes.rows_of(class).len();
    assert_eq!((count(flyvis_json::INPUT), count(flyvis_json::INTERMEDIATE), count(flyvis_json::OUTPUT)), (8, 23, 34));
    let types = fly.neurons().types().unwrap();
    assert_eq!(types.codes(), (0..65).collect::<Vec<u32>>());
    let ends = |at: fn(&connectome_io::TypePair) -> u32| {
        lattice.pairs().iter().map(at).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((ends(|p| p.pre), ends(|p| p.post)), (63, 65));
    assert_eq!(fly.clone().transpose().transpose(), fly);
}

#[test]
fn mnist_test_set_is_10000_digits() {
    let images = idx::read(data("mnist/t10k-images-idx3-ubyte.gz")).unwrap();
    assert_eq!(images.shape(), [10_000, 28, 28]);
    let labels = idx::read(data("mnist/t10k-labels-idx1-ubyte.gz")).unwrap();
    let mut counts = [0; 10];
    labels.as_slice::<u8>().unwrap().iter().for_each(|&l| counts[l as usize] += 1);
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert_eq!(connectome_io::read_array(data("mnist/t10k-labels-idx1-ubyte.gz")).unwrap(), labels);
}

#[test]
fn hemibrain_ellipsoid_body() {
    let Some(path) = shared("hemibrain_eb/edges.csv") else {
        return;
    };
    let fly = read(&path).unwrap();
    assert_eq!((fly.n_neurons(), fly.n_synapses(), fly.total_weight()), (286, 9_376, 97_588.0));
    assert_eq!(fly.neurons().ids()[0], 387_364_605);
    assert_eq!(fly.neurons().types().unwrap().rows_of("EPG").len(), 46);
    let total = ReadOptions { weight_column: Some("weight_total".to_owned()), ..ReadOptions::default() };
    assert!(read_with(&path, &total).unwrap().total_weight() >= fly.total_weight());
}

/// The transmitter per neuron and the cell body fibre agree with the table; the matrix is `[post, pre]`, other than the
/// convention of such folders says.
#[test]
fn hemibrain_region_folder_has_46_excitatory_and_106_inhibitory_neurons() {
    let (Some(folder), Some(table)) = (shared("hemibrain_eb/EB"), shared("hemibrain_eb/edges.csv")) else {
        return;
    };
    let region = read(&folder).unwrap().transpose();
    assert_eq!((region.n_neurons(), region.n_synapses(), region.total_weight()), (152, 5_191, 62_956.0));
    let neurons = region.neurons();
    let signs = neurons.signs().unwrap();
    let count = |sign| signs.iter().filter(|&&s| s == sign).count();
    assert_eq!((count(Sign::Excitatory), count(Sign::Inhibitory)), (46, 106));
    assert!(neurons.ids().iter().any(|&id| id > 1 << 32));

    let table = read(table).unwrap();
    let members: Vec<u32> = table.neurons().column("in_scc").unwrap().rows_of("1");
    assert_eq!(members.len(), 152);
    for (row, &id) in neurons.ids().iter().enumerate() {
        let same = table.neurons().row_of(id).unwrap() as usize;
        assert_eq!(signs[row], table.neurons().signs().unwrap()[same]);
        assert_eq!(neurons.transmitters().unwrap().get(row), table.neurons().transmitters().unwrap().get(same));
        let fibre = |c: &Connectome, row| c.neurons().column("cell_body_fiber").unwrap().get(row).to_owned();
        assert_eq!(fibre(&region, row), fibre(&table, same));
    }
    let all = edges_by_id(&table);
    for (ends, weight) in edges_by_id(&region) {
        assert_eq!(all[&ends], weight, "{ends:?}");
    }
}

/// Weight by the ids of both ends.
fn edges_by_id(c: &Connectome) -> std::collections::HashMap<(i64, i64), f64> {
    let (ids, s) = (c.neurons().ids(), c.synapses());
    let edge = |row: usize| ((ids[s.pre()[row] as usize], ids[s.post()[row] as usize]), s.weight()[row]);
    (0..s.len()).map(edge).collect()
}

#[test]
fn hemibrain_matrix_equals_its_table() {
    let (Some(table), Some(matrix), Some(ids)) = (
        shared("hemibrain_eb/edges.csv"),
        shared("hemibrain_eb/EB/adjacency_scc.npy"),
        shared("hemibrain_eb/EB/nid_scc.npy"),
    ) else {
        return;
    };
    let table = read(table).unwrap();
    let options = ReadOptions { neurons: NeuronsFile::File(ids.clone()), ..ReadOptions::default() };
    let matrix = read_with(matrix, &options).unwrap();
    assert_eq!((matrix.n_neurons(), matrix.n_synapses()), (152, 5_191));
    assert_eq!(matrix.neurons().ids(), npy::read(ids).unwrap().as_slice::<i64>().unwrap());
    let all = edges_by_id(&table);
    for (ends, weight) in edges_by_id(&matrix) {
        assert_eq!(all[&ends], weight, "{ends:?}");
    }
}

#[test]
fn matrix_orientation_is_what_the_option_says() {
    let Some(path) = shared("hemibrain_eb/EB/adjacency_scc.npy") else {
        return;
    };
    let post = read(&path).unwrap();
    let pre = read_with(&path, &ReadOptions { rows: Rows::Pre, ..ReadOptions::default() }).unwrap();
    assert_eq!(pre.synapses().pre(), post.synapses().post());
    assert_eq!(pre.provenance().orientation(), Orientation::PrePost);
}

#[test]
fn larva_tables_and_tensors_agree() {
    let (Some(table), Some(tensors)) = (shared("larva/edges.csv.gz"), shared("larva/larva.safetensors.gz")) else {
        return;
    };
    let table = read(table).unwrap();
    assert_eq!((table.n_neurons(), table.n_synapses(), table.total_weight()), (3_013, 111_243, 353_859.0));
    let tensors = read(tensors).unwrap();
    assert_eq!(tensors.neurons().ids(), table.neurons().ids());
    assert_eq!(tensors.synapses().pre(), table.synapses().pre());
    assert_eq!(tensors.synapses().weight(), table.synapses().weight());
    assert_eq!(table.neurons().column("hemisphere").unwrap().rows_of("L").len(), 1_506);
    let selfs = table.synapses().pre().iter().zip(table.synapses().post()).filter(|(a, b)| a == b).count();
    assert_eq!(selfs, 537);
}

#[test]
fn optic_lobe_stand_in_is_a_compressed_matrix() {
    let Some(path) = shared("flywire_ol/surrogate_right.safetensors.gz") else {
        return;
    };
    let fly = read(path).unwrap();
    assert_eq!((fly.n_neurons(), fly.n_synapses()), (48_394, 2_338_717));
    assert_eq!(fly.total_weight(), 12_715_958.0);
    assert_eq!(fly.provenance().orientation(), Orientation::PostPre);
    assert_eq!(fly.neurons().positions().unwrap().len(), 48_394);
}

#[test]
fn optic_lobe_cell_types() {
    let Some(path) = shared("flywire_ol/type_edges.csv.gz") else {
        return;
    };
    let fly = read(&path).unwrap();
    assert_eq!((fly.n_neurons(), fly.n_synapses(), fly.total_weight()), (747, 72_954, 12_715_958.0));
    let types = fly.neurons().types().unwrap();
    assert_eq!(types.n_names(), 747);
    let (l2, tm1) = (types.code_of("L2").unwrap(), types.code_of("Tm1").unwrap());
    let s = fly.synapses();
    let edge = (0..s.len()).find(|&row| (s.pre()[row], s.post()[row]) == (l2, tm1)).unwrap();
    assert_eq!(s.weight()[edge], 91_291.0);
    assert_eq!(fly.neurons().signs().unwrap()[l2 as usize], Sign::Excitatory);
    for (column, total) in [
        ("conn_right", 2_338_717.0),
        ("conn_left", 2_083_804.0),
        ("syn_left", 10_751_110.0),
        ("syn_bilateral", 33_413.0),
    ] {
        let options = ReadOptions { weight_column: Some(column.to_owned()), ..ReadOptions::default() };
        assert_eq!(read_with(&path, &options).unwrap().total_weight(), total, "{column}");
    }
    // The folder stands for its table.
    assert_eq!(read(shared("flywire_ol").unwrap()).unwrap(), fly);
}

#[test]
fn optic_lobe_columns() {
    let Some(path) = shared("flywire_ol/right_columns.csv.gz") else {
        return;
    };
    let cells = csv_tables::read_neurons(path, &Limits::default()).unwrap();
    assert_eq!((cells.len(), cells.ids()[0]), (22_684, 720_575_940_603_042_272));
    assert_eq!((cells.types().unwrap().n_names(), cells.column("column_id").unwrap().n_names()), (31, 796));
}

#[test]
fn mouse_areas_have_1641_edges() {
    let Some(path) = shared("mouse_harris2019/edges.csv") else {
        return;
    };
    let mouse = read(&path).unwrap();
    assert_eq!((mouse.n_neurons(), mouse.n_synapses(), mouse.total_weight()), (61, 1_641, 1_641.0));
    let kinds = mouse.synapses().kinds().unwrap();
    assert_eq!(["CC", "CT", "TC"].map(|kind| kinds.rows_of(kind).len()), [908, 385, 348]);
    let direction = mouse.synapses().column("direction").unwrap();
    assert_eq!(["feedforward", "feedback", "mixed"].map(|d| direction.rows_of(d).len()), [693, 802, 146]);
    let division = mouse.neurons().column("division").unwrap();
    assert_eq!(["cortex", "thalamus"].map(|d| division.rows_of(d).len()), [37, 24]);
    assert_eq!(mouse.neurons().names().unwrap()[0], "VPM");
    for (column, total) in [("n_ff", 1_929.0), ("n_fb", 2_222.0)] {
        let options = ReadOptions { weight_column: Some(column.to_owned()), ..ReadOptions::default() };
        assert_eq!(read_with(&path, &options).unwrap().total_weight(), total, "{column}");
    }
}

#[test]
fn mouse_area_tables_climb_the_hierarchy() {
    for (name, n, edges) in [("visual", 10, 35), ("audiovisual", 14, 70)] {
        let Some(path) = shared(&format!("mouse_harris2019/convgru_{name}.csv")) else {
            return;
        };
        let table = AreaTable::read(&path).unwrap();
        assert_eq!((table.n_areas(), table.names()[0].as_str()), (n, "VISp"));
        assert!(table.further_columns().is_empty());
        let area = table.areas()[0];
        assert_eq!((area.hidden_dim, area.input_dim, area.input_h, area.kernel_w), (8, 1, 32, 3));
        let c = read(&path).unwrap();
        assert_eq!((c.n_neurons(), c.n_synapses(), c.total_weight()), (n, edges, edges as f64));
        assert!(c.synapses().pre().iter().zip(c.synapses().post()).all(|(pre, post)| pre < post));
    }
}

#[test]
fn shortened_image_sets() {
    for (set, images, labels) in [
        ("mnist", "train-images-idx3-ubyte.gz", 10_000),
        ("mnist", "t10k-images-idx3-ubyte.gz", 10_000),
        ("fashion_mnist", "train-images-idx3-ubyte.gz", 3_000),
        ("fashion_mnist", "t10k-images-idx3-ubyte.gz", 1_000),
    ] {
        let Some(path) = shared(&format!("{set}/{images}")) else {
            return;
        };
        assert_eq!(read_array(&path).unwrap().shape(), [labels, 28, 28]);
        let path = path.with_file_name(images.replace("images-idx3", "labels-idx1"));
        let classes = idx::read(path).unwrap();
        assert_eq!(classes.shape(), [labels]);
        assert!(classes.as_slice::<u8>().unwrap().iter().all(|&class| class < 10));
    }
}

#[test]
fn pretrained_models_of_the_visual_system() {
    let Some(path) = shared("flyvis/ensemble_flow_0000.safetensors") else {
        return;
    };
    let tensors = safetensors::read_tensors(path).unwrap();
    let shape = |name: &str| tensors.arrays[name].shape().to_vec();
    assert_eq!((shape("bias"), shape("time_const_s"), shape("strength")), (vec![50, 65], vec![50, 65], vec![50, 604]));
    assert_eq!((shape("pair_sign"), shape("group_n_syn")), (vec![604], vec![2_355]));
    let names: Vec<String> = serde_json::from_str(&tensors.metadata["types"]).unwrap();
    assert_eq!(names, read(fly()).unwrap().neurons().names().unwrap());
}

#[test]
fn sounds_and_pictures_are_arrays() {
    let (Some(digits), Some(video)) =
        (shared("fsdd/train.safetensors.gz"), shared("video/bigbuckbunny_180x320_u8.npy.gz"))
    else {
        return;
    };
    for (set, clips) in [("train", 600), ("test", 300)] {
        let path = digits.with_file_name(format!("{set}.safetensors.gz"));
        let tensors = safetensors::read_tensors(path).unwrap();
        assert_eq!(tensors.arrays["label"].shape(), [clips]);
        let ends = tensors.arrays["offsets"].to_i64().unwrap();
        assert_eq!((ends.len(), *ends.last().unwrap() as usize), (clips + 1, tensors.arrays["audio"].len()));
    }
    assert_eq!(read_array(&video).unwrap().shape(), [132, 180, 320]);
    for picture in ["china", "flower"] {
        assert_eq!(read_array(video.with_file_name(format!("{picture}_gray_u8.npy"))).unwrap().shape(), [214, 320]);
    }
}
