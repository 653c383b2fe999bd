//! The wiring of cell types, expanded to the cells of a lattice.

use crate::case::Case;
use crate::report::{Report, relative};
use connectome_graph::hex::{Extent, Fill, HexNetwork, Role, expand_with};
use connectome_io::ReadOptions;
use connectome_io::format::flyvis_json;
use sha2::{Digest, Sha256};

/// The published wiring, which all files are made of.
pub(crate) const WIRING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let wiring = flyvis_json::read(WIRING, &ReadOptions::default()).map_err(|e| e.to_string())?;
    let extent = Extent(integer(case, "extent")? as u32);
    let fill = case.number("n_syn_fill")?;
    let fill = if fill > 0.0 { Fill::Hull(fill as f32) } else { Fill::None };
    let network = expand_with(&wiring, extent, fill).map_err(|e| e.to_string())?;
    types(case, report, &network)?;
    nodes(case, report, &network)?;
    offsets(case, report, &network)?;
    counts(case, report, &network)?;
    samples(case, report, &network)?;
    hashes(case, report, &network)
}

fn integer(case: &Case, key: &str) -> Result<i64, String> {
    let json = case.json(key)?;
    json.as_i64().ok_or_else(|| format!("{key} is {json}, not a whole number"))
}

fn names(case: &Case, key: &str) -> Result<Vec<String>, String> {
    serde_json::from_value(case.json(key)?).map_err(|e| format!("{key}: {e}"))
}

fn types(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let all: Vec<String> = network.types().iter().map(|t| t.name().to_owned()).collect();
    report.exact("type_names", &all, &names(case, "type_names")?);
    let inner = network.types().iter().filter(|t| t.role() == Role::Intermediate);
    let inner: Vec<String> = inner.map(|t| t.name().to_owned()).collect();
    report.exact("intermediate_cell_types", &inner, &names(case, "intermediate_cell_types")?);
    let cells: Vec<i64> = network.types().iter().map(|t| t.cells().len() as i64).collect();
    report.exact("type_count", &cells, case.integers("type_count")?);
    Ok(())
}

fn nodes(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let columns = network.node_columns();
    let wide = |list: &[u32]| -> Vec<i64> { list.iter().map(|&i| i64::from(i)).collect() };
    for (key, got) in [
        ("node_type", wide(&network.node_types())),
        ("node_u", columns.iter().map(|c| i64::from(c.u)).collect()),
        ("node_v", columns.iter().map(|c| i64::from(c.v)).collect()),
        ("node_role", network.node_roles().iter().map(|&role| role as i64).collect()),
        ("central_cells_index", wide(&network.central_cells())),
        ("in_degree", wide(&network.in_degree())),
        ("out_degree", wide(&network.out_degree())),
    ] {
        report.exact(key, &got, case.integers(key)?);
    }
    let mut sums = vec![0.0; network.n_nodes()];
    let synapses = network.per_edge(|o| f64::from(o.sign.value()) * f64::from(o.n_syn));
    for (&target, n) in network.target().iter().zip(&synapses) {
        sums[target as usize] += n;
    }
    report.close_in_norm("in_signed_nsyn", &sums, case.floats("in_signed_nsyn")?, relative(1e-12));
    Ok(())
}

fn offsets(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let all = network.offsets();
    for (key, got) in [
        ("offset_edge_id", all.iter().map(|o| i64::from(o.pair)).collect::<Vec<_>>()),
        ("offset_du", all.iter().map(|o| i64::from(o.displacement.u)).collect()),
        ("offset_dv", all.iter().map(|o| i64::from(o.displacement.v)).collect()),
        ("offset_filled", all.iter().map(|o| i64::from(o.filled)).collect()),
        ("offset_n_edges", all.iter().map(|o| o.edges.len() as i64).collect()),
    ] {
        report.exact(key, &got, case.integers(key)?);
    }
    let n_syn: Vec<f64> = all.iter().map(|o| f64::from(o.n_syn)).collect();
    report.exact("offset_n_syn", &n_syn, case.floats("offset_n_syn")?);
    Ok(())
}

fn counts(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let of_sign = |sign: i8| -> i64 {
        network.offsets().iter().filter(|o| o.sign.value() == sign).map(|o| o.edges.len() as i64).sum()
    };
    let own = network.source().iter().zip(network.target()).filter(|(s, t)| s == t).count();
    for (key, got) in [
        ("n_nodes", network.n_nodes() as i64),
        ("n_edges", network.n_edges() as i64),
        ("n_exc", of_sign(1)),
        ("n_inh", of_sign(-1)),
        ("n_self", own as i64),
    ] {
        report.exact(key, &[got], &[integer(case, key)?]);
    }
    let sum: f64 = network.per_edge(|o| f64::from(o.n_syn)).iter().sum();
    report.close("sum_n_syn", &[sum], &[case.number("sum_n_syn")?], relative(1e-12));
    Ok(())
}

fn samples(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let index = case.integers("sample_index")?;
    if let Some(&beyond) = index.iter().find(|&&e| e < 0 || e as usize >= network.n_edges()) {
        report.fail(format!("sample of edge {beyond}, of {}", network.n_edges()));
        return Ok(());
    }
    let pick = |ends: &[u32]| -> Vec<i64> { index.iter().map(|&e| i64::from(ends[e as usize])).collect() };
    report.exact("sample_source", &pick(network.source()), case.integers("sample_source")?);
    report.exact("sample_target", &pick(network.target()), case.integers("sample_target")?);
    for (key, all) in [
        ("sample_n_syn", network.per_edge(|o| f64::from(o.n_syn))),
        ("sample_sign", network.per_edge(|o| f64::from(o.sign.value()))),
    ] {
        let got: Vec<f64> = index.iter().map(|&e| all[e as usize]).collect();
        report.exact(key, &got, case.floats(key)?);
    }
    Ok(())
}

/// The arrays of all edges by their hash.
fn hashes(case: &Case, report: &mut Report, network: &HexNetwork) -> crate::Outcome {
    let ends = |list: &[u32]| -> Vec<u8> { list.iter().flat_map(|&i| i64::from(i).to_le_bytes()).collect() };
    let bytes = |four: Vec<[u8; 4]>| four.concat();
    let arrays = [
        ("source_int64", ends(network.source())),
        ("target_int64", ends(network.target())),
        ("sign_f32", bytes(network.per_edge(|o| f32::from(o.sign.value()).to_le_bytes()))),
        ("n_syn_f32", bytes(network.per_edge(|o| o.n_syn.to_le_bytes()))),
        ("certainty_f32", bytes(network.per_edge(|o| o.certainty.to_le_bytes()))),
        ("du_int32", bytes(network.per_edge(|o| o.displacement.u.to_le_bytes()))),
        ("dv_int32", bytes(network.per_edge(|o| o.displacement.v.to_le_bytes()))),
    ];
    for (array, bytes) in arrays {
        let key = format!("sha256_{array}_le");
        let got: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        report.exact(&key, &[got], &[case.json(&key)?.as_str().unwrap_or_default().to_owned()]);
    }
    Ok(())
}
