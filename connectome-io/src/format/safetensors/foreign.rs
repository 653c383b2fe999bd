//! Wiring that others keep in this container: lists of edges and compressed sparse matrices.

use ::safetensors::tensor::SafeTensors;

use super::array;
use crate::edges::{Edges, finish};
use crate::indices::expand_pointers;
use crate::labels::check_count;
use crate::options::ReadOptions;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Orientation, Positions, Provenance, Sign};

/// Reads `pre`, `post`, `weight`, or `crow`, `col`, `weight`, with whatever of `ids`, `sign`, `type`, `xy` is there.
pub(super) fn decode(view: &SafeTensors<'_>, at: &Location, options: &ReadOptions) -> Result<Connectome, Error> {
    let names: Vec<&str> = view.names();
    let first = |wanted: &[&'static str]| wanted.iter().copied().find(|name| names.contains(name));
    let integers = |name: &str| array(view, name, at)?.to_i64().map_err(|e| super::text_column::relocate(e, name, at));
    let weight = match first(&["weight", "values"]) {
        Some(name) => array(view, name, at)?.to_f64().map_err(|e| super::text_column::relocate(e, name, at))?,
        None => return Err(missing(view, at)),
    };
    let (post, pre, rows) = match (first(&["crow"]), first(&["col_pre", "col"])) {
        (Some(crow), Some(col)) => {
            let pointers = integers(crow)?;
            let columns = integers(col)?;
            let rows = expand_pointers(&pointers, columns.len(), &at.key(crow))?;
            (rows.into_iter().map(i64::from).collect(), columns, Some(pointers.len() - 1))
        }
        _ if names.contains(&"pre") && names.contains(&"post") => (integers("post")?, integers("pre")?, None),
        _ => return Err(missing(view, at)),
    };

    let ids = first(&["ids", "root_id", "body_id", "skid"]).map(integers).transpose()?;
    let top = pre.iter().chain(&post).copied().max().unwrap_or(-1);
    let n = match (options.n_neurons, rows, &ids) {
        (Some(n), ..) | (None, Some(n), _) => n,
        (None, None, Some(ids)) => ids.len(),
        (None, None, None) => usize::try_from(top.saturating_add(1)).unwrap_or(0).min(u32::MAX as usize),
    };
    // A stray index must not make a table of billions of neurons.
    if ids.is_none() && rows.is_none() && options.n_neurons.is_none() && n > 16 * pre.len() + 65_536 {
        let problem =
            format!("index {top} among {} edges is implausible unless `ReadOptions::n_neurons` states it", pre.len());
        return Err(Error::Malformed { at: at.key("pre, post"), problem });
    }
    check_count(at, "neurons", n)?;
    let neurons = match ids {
        Some(ids) => NeuronTable::new(ids).map_err(|e| super::text_column::relocate(e, "ids", at))?,
        None => NeuronTable::numbered(n),
    };
    if neurons.len() != n {
        return Err(Error::LengthMismatch {
            at: at.key("ids"),
            what: "ids".to_owned(),
            got: neurons.len(),
            want: n,
            reason: "one per neuron of the wiring",
        });
    }
    let neurons = describe(view, neurons, at)?;
    let edges = Edges::from_indices(&pre, &post, weight, n, at)?;
    let orientation = if rows.is_some() { Orientation::PostPre } else { Orientation::EdgeList };
    finish(neurons, edges, Provenance::new(at.source_name(), orientation), options, at)
}

/// Adds the optional columns.
fn describe(view: &SafeTensors<'_>, mut neurons: NeuronTable, at: &Location) -> Result<NeuronTable, Error> {
    let names = view.names();
    if names.contains(&"sign") {
        let codes = array(view, "sign", at)?.to_i64()?;
        let signs = codes
            .iter()
            .enumerate()
            .map(|(i, &code)| {
                i8::try_from(code).ok().and_then(Sign::from_value).ok_or_else(|| Error::BadValue {
                    at: at.key(format!("sign[{i}]")),
                    what: "sign",
                    text: code.to_string(),
                    allowed: "-1, 0, 1",
                })
            })
            .collect::<Result<_, _>>()?;
        neurons = neurons.with_signs(signs)?;
    }
    if names.contains(&"type") {
        let codes = array(view, "type", at)?.to_i64()?;
        neurons = neurons.with_types(Labels::from_values(codes.iter().map(i64::to_string)))?;
    }
    if names.contains(&"xy") {
        let xy = array(view, "xy", at)?;
        if xy.shape() != [neurons.len(), 2] {
            let problem = format!("the shape is {:?}, [{}, 2] is wanted", xy.shape(), neurons.len());
            return Err(Error::Malformed { at: at.key("xy"), problem });
        }
        let points = xy.to_f64()?.as_chunks::<2>().0.iter().map(|&[x, y]| Some([x, y, 0.0])).collect();
        neurons = neurons.with_positions(Positions::new(points, "")?)?;
    }
    Ok(neurons)
}

fn missing(view: &SafeTensors<'_>, at: &Location) -> Error {
    Error::Missing {
        at: at.boxed(),
        what: "wiring".to_owned(),
        found: super::names(view),
        remedy: "wanted are a file written by this crate, or tensors pre, post, weight, or crow, col, weight; read other tensors by `format::safetensors::read_tensors`",
    }
}
