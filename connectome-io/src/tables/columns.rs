//! What the columns of a header mean.

use crate::{Error, Location, Sign, SynapseTable};

/// A column's name without case, blanks and punctuation, so that `bodyId_pre` and `body id pre` are one.
pub(crate) fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The column that has the first of the wanted names that occurs.
pub(crate) fn find(header: &[String], wanted: &[&str]) -> Option<usize> {
    wanted.iter().find_map(|name| header.iter().position(|column| normal(column) == *name))
}

/// Columns of a table of edges or neurons.
pub(crate) const MAX_COLUMNS: usize = 4096;

/// Refuses a header in which a name stands twice, and one that is too long to be that of a table.
pub(crate) fn check_header(header: &[String], at: &Location) -> Result<(), Error> {
    if header.len() > MAX_COLUMNS {
        return Err(Error::Unsupported {
            at: at.line(1),
            what: format!("a table of {} columns, of which {MAX_COLUMNS} are the limit,", header.len()),
            remedy: "leave some out; if the file is a matrix, choose `CsvLayout::Matrix`",
        });
    }
    for (i, name) in header.iter().enumerate() {
        if !name.is_empty() && header[..i].contains(name) {
            return Err(Error::DuplicateName { at: at.line(1), what: "column", name: name.clone() });
        }
    }
    Ok(())
}

/// What the ends of an edge are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Values of `idx` of the neurons, or ids where there is none.
    Index,
    /// Ids.
    Id,
    /// Names.
    Name,
}

/// Names of the columns of both ends, normalised.
const ENDS: [(&str, &str, Ends); 10] = [
    ("bodyidpre", "bodyidpost", Ends::Id),
    ("prerootid", "postrootid", Ends::Id),
    ("preptrootid", "postptrootid", Ends::Id),
    ("presynapticid", "postsynapticid", Ends::Id),
    ("presynapticindex", "postsynapticindex", Ends::Index),
    ("preid", "postid", Ends::Id),
    ("pre", "post", Ends::Index),
    ("a", "b", Ends::Index),
    ("n1", "n2", Ends::Name),
    ("source", "target", Ends::Name),
];

/// Columns of probabilities of transmitters, as FlyWire's tables of synapses name them, and what each is called.
pub(crate) const TRANSMITTERS: [(&str, &str); 6] = [
    ("gaba", "gaba"),
    ("ach", "acetylcholine"),
    ("glut", "glutamate"),
    ("oct", "octopamine"),
    ("ser", "serotonin"),
    ("da", "dopamine"),
];

/// Columns that only a table with one row per synapse has, normalised.
const OF_SYNAPSES: [&str; 9] = [
    "preptrootid",
    "connectionscore",
    "cleftscore",
    "synapseid",
    "connectorid",
    "confidencepre",
    "confidencepost",
    "xpre",
    "preptpositionx",
];

/// How a cell tells the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignRule {
    /// `1`, `-1`, `0`, `+`, `-`, `complex`, `none`, empty.
    Polarity,
    /// A transmitter: acetylcholine excitatory, GABA and glutamate inhibitory, others unknown.
    Transmitter,
}

/// Columns of a table of edges.
#[derive(Debug)]
pub(crate) struct EdgeColumns {
    pub(crate) pre: usize,
    pub(crate) post: usize,
    pub(crate) ends: Ends,
    pub(crate) weight: Option<usize>,
    /// Column over which a connection is summed: brain region, Varshney's type.
    pub(crate) part: Option<usize>,
    pub(crate) sign: Option<(usize, SignRule)>,
    pub(crate) kind: Option<usize>,
    /// Kind of all rows.
    pub(crate) all_of_kind: Option<&'static str>,
    /// Whether `part` is Varshney's type.
    pub(crate) varshney: bool,
    /// Whether a row is one synapse, so that connections are counted.
    pub(crate) synapses: bool,
    /// How sure the detection of a synapse is.
    pub(crate) connection_score: Option<usize>,
    /// How clearly the cleft of a synapse is seen.
    pub(crate) cleft_score: Option<usize>,
    /// Probabilities of the transmitters of a synapse, in the order of [`TRANSMITTERS`]; empty if there are none.
    pub(crate) transmitters: Vec<usize>,
    /// Columns that are kept as they are.
    pub(crate) further: Vec<usize>,
}

impl EdgeColumns {
    /// Finds the columns of a header.
    pub(crate) fn find(header: &[String], weight: Option<&str>, at: &Location) -> Result<Self, Error> {
        check_header(header, at)?;
        let ends =
            ENDS.iter().find_map(|&(pre, post, ends)| Some((find(header, &[pre])?, find(header, &[post])?, ends, pre)));
        let Some((pre, post, ends, first)) = ends else {
            return Err(Error::Missing {
                at: at.line(1),
                what: "columns of the two ends of an edge".to_owned(),
                found: header.to_vec(),
                remedy: "known pairs are pre/post, bodyId_pre/bodyId_post, pre_root_id/post_root_id, pre_pt_root_id/post_pt_root_id, Presynaptic_ID/Postsynaptic_ID, Presynaptic_Index/Postsynaptic_Index, a/b, n1/n2, source/target; if the file is a matrix, choose `CsvLayout::Matrix`",
            });
        };
        let varshney = first == "n1";
        // Shiu et al. export counts, signs and their product; the product alone tells both.
        let product = find(header, &["excitatoryxconnectivity"])
            .filter(|_| find(header, &["excitatory"]).is_none() || find(header, &["connectivity"]).is_none());
        let weight = match weight {
            Some(name) => Some(header.iter().position(|column| column == name).ok_or_else(|| Error::Missing {
                at: at.line(1),
                what: format!("column {name:?}"),
                found: header.to_vec(),
                remedy: "set `ReadOptions::weight_column` to one that is there",
            })?),
            None => product
                .or_else(|| find(header, &["weight", "syncount", "connectivity", "count", "nsyn", "synright"]))
                .or_else(|| header.iter().position(|column| normal(column).starts_with("weight"))),
        };
        let synapses = weight.is_none() && find(header, &OF_SYNAPSES).is_some();
        if weight.is_none() && !synapses && first != "source" {
            return Err(Error::Missing {
                at: at.line(1),
                what: "column of weights".to_owned(),
                found: header.to_vec(),
                remedy: "name it weight, or set `ReadOptions::weight_column`",
            });
        }
        let part = find(header, if varshney { &["type"] } else { &["roi", "neuropil", "roipost"] });
        if varshney && part.is_none() {
            return Err(Error::Missing {
                at: at.line(1),
                what: "column \"type\"".to_owned(),
                found: header.to_vec(),
                remedy: "the list of Varshney et al. has n1, n2, type, count",
            });
        }
        let polarity = find(header, &["sign", "polarity", "excitatory"]).map(|c| (c, SignRule::Polarity));
        let sign = polarity.or_else(|| find(header, &["nttype"]).map(|c| (c, SignRule::Transmitter)));
        // A weight that is the product has the sign already.
        let signed = weight.is_some_and(|column| normal(&header[column]) == "excitatoryxconnectivity");
        let sign = sign.filter(|_| !signed);
        let chances: Vec<usize> = TRANSMITTERS.iter().filter_map(|(name, _)| find(header, &[name])).collect();
        let transmitters = if synapses && chances.len() == TRANSMITTERS.len() { chances } else { Vec::new() };
        let kind = match first {
            "pre" | "a" => find(header, &["kind"]),
            // "chemical" and "electrical" in the C. elegans edge list of c302
            "source" => find(header, &["kind", "type"]),
            _ => None,
        };
        let used = [Some(pre), Some(post), weight, part, sign.map(|s| s.0), kind];
        let is_further = |&column: &usize| {
            let name = normal(&header[column]);
            // What a polarity cell says beyond the sign ("complex" or "none") is kept.
            matches!(first, "pre" | "a" | "source")
                && !synapses
                && !name.starts_with("weight")
                && !name.starts_with("indexlevel")
                && (name == "polarity" || (!name.is_empty() && !used.contains(&Some(column))))
        };
        let further = (0..header.len()).filter(is_further).collect();
        let all_of_kind = (first == "a").then_some(SynapseTable::ELECTRICAL);
        Ok(Self {
            pre,
            post,
            ends,
            weight,
            part,
            sign,
            kind,
            all_of_kind,
            varshney,
            synapses,
            connection_score: find(header, &["connectionscore"]),
            cleft_score: find(header, &["cleftscore"]),
            transmitters,
            further,
        })
    }
}

/// The sign that a cell states; `None` if it is none.
pub(crate) fn parse_sign(cell: &[u8], rule: SignRule) -> Option<Sign> {
    let cell = cell.trim_ascii();
    match rule {
        SignRule::Polarity => match cell {
            b"1" | b"+" | b"+1" | b"1.0" => Some(Sign::Excitatory),
            b"-1" | b"-" | b"-1.0" => Some(Sign::Inhibitory),
            b"0" | b"" | b"0.0" | b"complex" | b"none" | b"unknown" => Some(Sign::Unknown),
            _ => None,
        },
        SignRule::Transmitter => Some(sign_of_transmitter(cell)),
    }
}

/// The sign of a transmitter's effect in the fly's brain.
pub(crate) fn sign_of_transmitter(name: impl AsRef<[u8]>) -> Sign {
    let is = |names: &[&str]| names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name.as_ref()));
    if is(&["ach", "acetylcholine"]) {
        Sign::Excitatory
    } else if is(&["gaba", "glut", "glutamate"]) {
        Sign::Inhibitory
    } else {
        Sign::Unknown
    }
}

/// Columns of a table of neurons.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NeuronColumns {
    pub(crate) idx: Option<usize>,
    pub(crate) id: Option<usize>,
    pub(crate) name: Option<usize>,
    pub(crate) cell_type: Option<usize>,
    pub(crate) class: Option<usize>,
    pub(crate) transmitter: Option<usize>,
    pub(crate) sign: Option<usize>,
    pub(crate) position: Option<[usize; 3]>,
    pub(crate) unit: String,
    pub(crate) further: Vec<usize>,
}

impl NeuronColumns {
    /// Finds the columns of a header.
    pub(crate) fn find(header: &[String], at: &Location) -> Result<Self, Error> {
        check_header(header, at)?;
        let idx = find(header, &["idx"]);
        let id = find(header, &["id", "bodyid", "rootid", "ptrootid", "skid", "neuronid"]);
        let name = find(header, &["name", "instance"]).or_else(|| find(header, &["area"]).filter(|_| id.is_none()));
        if idx.is_none() && id.is_none() && name.is_none() {
            return Err(Error::Missing {
                at: at.line(1),
                what: "column that identifies a neuron".to_owned(),
                found: header.to_vec(),
                remedy: "name it id, bodyId, root_id, skid, idx or name",
            });
        }
        let cell_type = find(header, &["type", "primarytype", "celltype"]);
        let class = find(header, &["class", "superclass", "role"]);
        let transmitter = find(header, &["transmitter", "nt", "nttype", "predictednt"]);
        let sign = find(header, &["sign"]);
        let axes =
            ["x", "y", "z"].map(|axis| header.iter().position(|column| axis_of(column).is_some_and(|a| a.0 == axis)));
        let position = if let [Some(x), Some(y), Some(z)] = axes { Some([x, y, z]) } else { None };
        let unit = position.and_then(|p| axis_of(&header[p[0]])).map_or_else(String::new, |axis| axis.1.to_owned());
        let used: Vec<usize> = [idx, id, name, cell_type, class, transmitter, sign]
            .into_iter()
            .flatten()
            .chain(position.into_iter().flatten())
            .collect();
        // What pandas calls the index that it wrote is no property of a neuron.
        let nameless = |name: &str| name.is_empty() || name.starts_with("__index_level_");
        let further = (0..header.len()).filter(|c| !used.contains(c) && !nameless(&header[*c])).collect();
        Ok(Self { idx, id, name, cell_type, class, transmitter, sign, position, unit, further })
    }

    /// Every column that is read.
    pub(crate) fn all(&self) -> Vec<usize> {
        let single = [self.idx, self.id, self.name, self.cell_type, self.class, self.transmitter, self.sign];
        let axes = self.position.into_iter().flatten();
        single.into_iter().flatten().chain(axes).chain(self.further.iter().copied()).collect()
    }
}

/// The axis and unit of a column `x` or `x [unit]`.
fn axis_of(column: &str) -> Option<(&str, &str)> {
    let (axis, unit) = match column.split_once(" [") {
        Some((axis, rest)) => (axis, rest.strip_suffix(']')?),
        None => (column, ""),
    };
    matches!(axis, "x" | "y" | "z").then_some((axis, unit))
}
