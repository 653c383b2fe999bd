//! From a graph to a connectome.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::columns::{Column, Kind, Table};
use super::xml::{Tag, Xml};
use super::{EDGE_COLUMNS, NODE_COLUMNS, ORIENTATIONS};
use crate::edges::{Edges, finish};
use crate::format::csv_tables::{parse_f64, parse_i64};
use crate::labels::check_count;
use crate::options::{ReadOptions, UnknownNeurons};
use crate::source::Source;
use crate::{Connectome, Error, Labels, Location, NeuronTable, Orientation, Positions, Provenance};

/// Keys that a file may have.
const MOST_KEYS: usize = 1_000;
/// Stands for a node that edges name and no `<node>` declares.
const UNDECLARED: u32 = u32::MAX;

/// Reads a graph; the module's documentation lists the attributes.
///
/// # Errors
/// [`Error::Malformed`] for text that is no XML or no graph; [`Error::Unsupported`] for a document type, ports,
/// hyperedges, nested graphs, other encodings; [`Error::UnknownNeuron`], [`Error::DuplicateName`] (a node, key or attribute
/// that stands twice), [`Error::DuplicateSynapse`], [`Error::Missing`], [`Error::BadNumber`], [`Error::BadValue`],
/// [`Error::NotFinite`] with their line; [`Error::TooLarge`] for texts beyond 4 MiB; [`Error::Empty`], [`Error::Io`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut xml = Xml::new(Source::open(path.as_ref(), &options.limits)?);
    let Some(root) = xml.child()? else {
        return Err(Error::Empty { at: xml.at().boxed(), what: "elements" });
    };
    if root.name != "graphml" {
        return Err(root.malformed(format!("the root is <{}>, <graphml> is wanted", root.name)));
    }
    let mut graph = Graph::default();
    let mut seen = false;
    while let Some(tag) = xml.child()? {
        match tag.name.as_str() {
            "key" if !seen => graph.read_key(&mut xml, &tag)?,
            "key" => return Err(tag.malformed("a <key> after the graph".to_owned())),
            "graph" if seen => return Err(tag.unsupported("a second graph", "write one graph per file")),
            "graph" => {
                graph.read_graph(&mut xml, &tag)?;
                seen = true;
            }
            "desc" | "data" => xml.skip()?,
            _ => return Err(tag.misplaced("graphml")),
        }
    }
    if let Some(tag) = xml.child()? {
        return Err(tag.malformed(format!("<{}> after the end of the graph", tag.name)));
    }
    if !seen {
        return Err(Error::Empty { at: xml.at().boxed(), what: "graph" });
    }
    // A few keys and many short rows must not make a table that is larger than all memory.
    let cells = graph.nodes.n_cells().saturating_add(graph.edges.n_cells());
    if cells > xml.read().saturating_mul(16).saturating_add(4 << 20) {
        let problem = format!("{cells} attributes in all are implausible for its size");
        return Err(Error::Malformed { at: xml.at().boxed(), problem });
    }
    graph.finish(options, &xml)
}

/// An attribute that is declared.
struct Key {
    name: String,
    kind: Kind,
    /// Columns of the node and edge tables, if the key is for them.
    node: Option<usize>,
    edge: Option<usize>,
    for_graph: bool,
    /// Whether it holds drawings, which are passed over.
    ignored: bool,
}

/// What has been read.
#[derive(Default)]
struct Graph {
    keys: BTreeMap<String, Key>,
    attributes: HashMap<String, String>,
    nodes: Table,
    edges: Table,
    /// Nodes by what the file calls them, in the order of their first mention.
    index: HashMap<Box<str>, u32>,
    /// Row of each node in the order of the file.
    row: Vec<u32>,
    /// Ends of each edge.
    source: Vec<u32>,
    target: Vec<u32>,
    /// Edges that also run the other way.
    undirected: Vec<u32>,
}

impl Graph {
    fn read_key(&mut self, xml: &mut Xml, tag: &Tag) -> Result<(), Error> {
        let id = tag.want("id")?;
        let kind = tag.get("attr.type").unwrap_or("string");
        let kind = Kind::parse(kind).ok_or_else(|| Error::BadValue {
            at: tag.at.clone(),
            what: "type of attribute",
            text: kind.to_owned(),
            allowed: "boolean, int, long, float, double, string",
        })?;
        let mut default = None;
        while let Some(inner) = xml.child()? {
            match inner.name.as_str() {
                "default" => default = Some(kind.check(&xml.text(&inner)?, &inner.at)?.to_owned()),
                "desc" => xml.skip()?,
                _ => return Err(inner.misplaced("key")),
            }
        }
        let name = tag.get("attr.name").unwrap_or(id);
        let (nodes, edges, for_graph) = match tag.get("for").unwrap_or("all") {
            "all" => (true, true, true),
            "node" => (true, false, false),
            "edge" => (false, true, false),
            "graph" => (false, false, true),
            "graphml" | "port" | "endpoint" | "hyperedge" => (false, false, false),
            other => {
                return Err(Error::BadValue {
                    at: tag.at.clone(),
                    what: "kind of element",
                    text: other.to_owned(),
                    allowed: "all, graph, node, edge, port, hyperedge, endpoint, graphml",
                });
            }
        };
        let ignored = tag.get("attr.name").is_none() && tag.get("yfiles.type").is_some();
        let declared = nodes != edges;
        let column = |table: &mut Table, wanted: bool| {
            (wanted && !ignored).then(|| table.add(name, kind, declared, default.as_deref()))
        };
        let (node, edge) = (column(&mut self.nodes, nodes), column(&mut self.edges, edges));
        if let (true, false, Some(default)) = (for_graph, nodes, default) {
            self.attributes.insert(name.to_owned(), default);
        }
        let key = Key { name: name.to_owned(), kind, node, edge, for_graph, ignored };
        if self.keys.insert(id.to_owned(), key).is_some() {
            return Err(Error::DuplicateName { at: tag.at.clone(), what: "key", name: id.to_owned() });
        }
        if self.keys.len() > MOST_KEYS {
            return Err(tag.malformed(format!("more than {MOST_KEYS} keys")));
        }
        Ok(())
    }

    fn read_graph(&mut self, xml: &mut Xml, tag: &Tag) -> Result<(), Error> {
        let directed = match tag.want("edgedefault")? {
            "directed" => true,
            "undirected" => false,
            other => {
                return Err(Error::BadValue {
                    at: tag.at.clone(),
                    what: "edgedefault",
                    text: other.to_owned(),
                    allowed: "directed, undirected",
                });
            }
        };
        while let Some(tag) = xml.child()? {
            match tag.name.as_str() {
                "node" => self.read_node(xml, &tag)?,
                "edge" => self.read_edge(xml, &tag, directed)?,
                "data" => self.read_graph_data(xml, &tag)?,
                "desc" => xml.skip()?,
                "hyperedge" => return Err(tag.unsupported("a hyperedge", "write it as edges between two nodes")),
                "locator" => return Err(tag.unsupported("a graph that lies elsewhere", "read that file")),
                _ => return Err(tag.misplaced("graph")),
            }
        }
        Ok(())
    }

    fn read_node(&mut self, xml: &mut Xml, tag: &Tag) -> Result<(), Error> {
        let id = tag.want("id")?;
        let index = self.index_of(id) as usize;
        if self.row[index] != UNDECLARED {
            return Err(Error::DuplicateName { at: tag.at.clone(), what: "node", name: id.to_owned() });
        }
        check_count(xml.at(), "neurons", self.nodes.lines.len() + 1)?;
        self.row[index] = self.nodes.lines.len() as u32;
        self.nodes.lines.push(short(xml.line()));
        self.read_children(xml, tag)
    }

    fn read_edge(&mut self, xml: &mut Xml, tag: &Tag, directed: bool) -> Result<(), Error> {
        for port in ["sourceport", "targetport"] {
            if tag.get(port).is_some() {
                return Err(tag.unsupported("an edge that ends at a port", "let edges end at nodes"));
            }
        }
        let directed = match tag.get("directed") {
            None => directed,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(other) => {
                return Err(Error::BadValue {
                    at: tag.at.clone(),
                    what: "truth value of directed",
                    text: other.to_owned(),
                    allowed: "true, false",
                });
            }
        };
        let (source, target) = (self.index_of(tag.want("source")?), self.index_of(tag.want("target")?));
        check_count(xml.at(), "synapse rows", self.source.len() + 1)?;
        if !directed && source != target {
            self.undirected.push(self.source.len() as u32);
        }
        self.source.push(source);
        self.target.push(target);
        self.edges.lines.push(short(xml.line()));
        self.read_children(xml, tag)
    }

    /// What stands inside a node or an edge.
    fn read_children(&mut self, xml: &mut Xml, outer: &Tag) -> Result<(), Error> {
        while let Some(tag) = xml.child()? {
            match tag.name.as_str() {
                "data" => {
                    let Some((key, text)) = Self::read_data(&self.keys, xml, &tag)? else {
                        continue;
                    };
                    let node = outer.name == "node";
                    let (table, column) = if node { (&mut self.nodes, key.node) } else { (&mut self.edges, key.edge) };
                    let column = column.ok_or_else(|| wrong_element(&tag, &outer.name))?;
                    table.push(column, &text, &tag.at)?;
                }
                "desc" => xml.skip()?,
                "port" => return Err(tag.unsupported("a port", "let edges end at nodes")),
                "graph" => return Err(tag.unsupported("a graph inside a node or an edge", "write one flat graph")),
                _ => return Err(tag.misplaced(&outer.name)),
            }
        }
        Ok(())
    }

    fn read_graph_data(&mut self, xml: &mut Xml, tag: &Tag) -> Result<(), Error> {
        let Some((key, text)) = Self::read_data(&self.keys, xml, tag)? else {
            return Ok(());
        };
        if !key.for_graph {
            return Err(wrong_element(tag, "graph"));
        }
        self.attributes.insert(key.name.clone(), text);
        Ok(())
    }

    /// The value of an attribute; `None` for drawings.
    fn read_data<'a>(
        keys: &'a BTreeMap<String, Key>,
        xml: &mut Xml,
        tag: &Tag,
    ) -> Result<Option<(&'a Key, String)>, Error> {
        let id = tag.want("key")?;
        let key = keys.get(id).ok_or_else(|| Error::Missing {
            at: tag.at.clone(),
            what: format!("key {id:?}"),
            found: keys.keys().take(20).cloned().collect(),
            remedy: "declare it by <key> before the graph",
        })?;
        if key.ignored {
            xml.skip()?;
            return Ok(None);
        }
        let text = xml.text(tag)?;
        let checked = key.kind.check(&text, &tag.at)?;
        let text = if checked.len() == text.len() { text } else { checked.to_owned() };
        Ok(Some((key, text)))
    }

    /// The number of a node in the order of first mention.
    fn index_of(&mut self, id: &str) -> u32 {
        if let Some(&index) = self.index.get(id) {
            return index;
        }
        let index = self.row.len() as u32;
        self.index.insert(id.into(), index);
        self.row.push(UNDECLARED);
        index
    }

    fn finish(self, options: &ReadOptions, xml: &Xml) -> Result<Connectome, Error> {
        let at = xml.at();
        let neurons = self.neurons(xml)?;
        let provenance = match self.attributes.get("orientation") {
            Some(text) => self.provenance(text, xml)?,
            None => Provenance::new(at.source_name(), Orientation::EdgeList),
        };
        let edges = self.edges(options, xml)?;
        finish(neurons, edges, provenance, options, at)
    }

    fn neurons(&self, xml: &Xml) -> Result<NeuronTable, Error> {
        let (at, table) = (xml.at(), &self.nodes);
        let n = table.lines.len();
        if n == 0 {
            return Err(Error::Empty { at: at.boxed(), what: "nodes" });
        }
        let mut node_ids = vec![""; n];
        for (id, &index) in &self.index {
            if let Some(place) = node_ids.get_mut(self.row[index as usize] as usize) {
                *place = id;
            }
        }
        let whole = |id: &str| parse_i64(id.as_bytes()).filter(|number| number.to_string() == id);
        // Those who read a graph and write it again number the nodes anew and keep the old ids as an attribute.
        let attribute = table.find("id").map(|column| table.texts(column));
        let kept: Option<Vec<i64>> = attribute.as_ref().and_then(|ids| ids.iter().map(|id| whole(id)).collect());
        let kept = kept.filter(|ids| ids.iter().collect::<HashSet<_>>().len() == n);
        let own: Option<Vec<i64>> = node_ids.iter().map(|id| whole(id)).collect();

        // What is no id is a name or a column.
        let mut texts: Vec<(&str, Vec<String>)> = Vec::new();
        texts.extend(table.find("name").map(|column| ("name", table.texts(column))));
        texts.extend(attribute.filter(|_| kept.is_none()).map(|texts| ("text_id", texts)));
        let is_numbered = node_ids.iter().enumerate().all(|(row, id)| *id == format!("n{row}"));
        let is_spare = match (&own, &kept) {
            (Some(_), kept) => kept.is_some(),
            (None, kept) => !is_numbered || (texts.is_empty() && kept.is_none()),
        };
        if is_spare {
            texts.push(("node_id", node_ids.iter().map(|id| (*id).to_owned()).collect()));
        }
        let ids_are_text = own.is_none();
        let ids = kept.or(own).unwrap_or_else(|| (0..n as i64).collect());
        let mut neurons = NeuronTable::new(ids).map_err(|e| e.in_file(at))?;
        for (name, texts) in texts {
            let is_name = neurons.names().is_none() && (name != "node_id" || ids_are_text);
            neurons = if is_name {
                neurons.with_names(texts)?
            } else {
                neurons.with_column(name, Labels::from_values(texts))?
            };
        }
        if let Some(column) = table.find("type") {
            neurons = neurons.with_types(table.labels(column))?;
        }
        if let Some(column) = table.find("class") {
            neurons = neurons.with_classes(table.labels(column))?;
        }
        if let Some(column) = table.find("transmitter") {
            neurons = neurons.with_transmitters(table.labels(column))?;
        }
        if let Some(column) = table.find("sign") {
            neurons = neurons.with_signs(table.signs(column, at)?)?;
        }
        let positions = self.positions(xml)?;
        let taken = if positions.is_some() { &NODE_COLUMNS[..] } else { &NODE_COLUMNS[..6] };
        if let Some(positions) = positions {
            neurons = neurons.with_positions(positions)?;
        }
        for column in table.further(taken) {
            neurons = neurons.with_column(column.name.clone(), table.labels(column))?;
        }
        Ok(neurons)
    }

    /// Positions, if all three coordinates are numbers.
    fn positions(&self, xml: &Xml) -> Result<Option<Positions>, Error> {
        let (at, table) = (xml.at(), &self.nodes);
        let axis = |name| table.find(name).filter(|column| column.is_numeric);
        let (Some(x), Some(y), Some(z)) = (axis("x"), axis("y"), axis("z")) else {
            return Ok(None);
        };
        let numbers = |column| table.numbers(column, "coordinate", at);
        let (x, y, z) = (numbers(x)?, numbers(y)?, numbers(z)?);
        let point = |row: usize| match (x[row], y[row], z[row]) {
            (Some(x), Some(y), Some(z)) => Ok(Some([x, y, z])),
            (None, None, None) => Ok(None),
            _ => Err(Error::Missing {
                at: table.place(row, at),
                what: "coordinate of the node".to_owned(),
                found: Vec::new(),
                remedy: "give x, y and z, or none of them",
            }),
        };
        let points = (0..table.lines.len()).map(point).collect::<Result<_, Error>>()?;
        let unit = self.attributes.get("position_unit").cloned().unwrap_or_default();
        Ok(Some(Positions::new(points, unit)?))
    }

    fn edges(self, options: &ReadOptions, xml: &Xml) -> Result<Edges, Error> {
        let (at, table) = (xml.at(), &self.edges);
        let n = self.source.len();
        let row = |index: &u32| self.row[*index as usize];
        let (mut pre, mut post): (Vec<u32>, Vec<u32>) =
            (self.source.iter().map(row).collect(), self.target.iter().map(row).collect());
        let stray = |edge: &usize| pre[*edge] == UNDECLARED || post[*edge] == UNDECLARED;
        if let (Some(edge), UnknownNeurons::Error) = ((0..n).find(stray), options.unknown_neurons) {
            let end = if pre[edge] == UNDECLARED { self.source[edge] } else { self.target[edge] };
            let name = self.index.iter().find(|(_, index)| **index == end).map(|(id, _)| id.to_string());
            let (name, n) = (name.unwrap_or_default(), self.nodes.lines.len());
            return Err(Error::UnknownNeuron { at: table.place(edge, at), name, n });
        }

        let name = options.weight_column.as_deref().unwrap_or("weight");
        let mut weight = match table.find(name) {
            Some(column) => self.weights(column, at)?,
            None if options.weight_column.is_none() => vec![1.0; n],
            None => {
                return Err(Error::Missing {
                    at: at.boxed(),
                    what: format!("attribute {name:?} of edges"),
                    found: table.further(&[]).map(|column| column.name.clone()).collect(),
                    remedy: "set `ReadOptions::weight_column` to one that is there",
                });
            }
        };
        let mut signs = table.find("sign").map(|column| table.signs(column, at)).transpose()?;
        let mut kinds = table.find("kind").map(|column| table.labels(column));
        let taken = [name, EDGE_COLUMNS[1], EDGE_COLUMNS[2]];
        let mut columns: Vec<_> =
            table.further(&taken).map(|column| (column.name.clone(), table.labels(column))).collect();
        let mut lines = self.edges.lines;

        let known = |edge: &u32| pre[*edge as usize] != UNDECLARED && post[*edge as usize] != UNDECLARED;
        let first: Vec<u32> = (0..n as u32).filter(known).collect();
        let second = self.undirected.iter().copied().filter(known);
        let rows: Vec<u32> = first.iter().copied().chain(second).collect();
        if rows.len() != n || first.len() != n {
            check_count(at, "synapse rows", rows.len())?;
            fn take<T: Copy>(column: &[T], rows: &[u32]) -> Vec<T> {
                rows.iter().map(|&row| column[row as usize]).collect()
            }
            (pre, post) = (take(&pre, &rows), take(&post, &rows));
            for (pre, post) in pre.iter_mut().zip(&mut post).skip(first.len()) {
                std::mem::swap(pre, post);
            }
            weight = take(&weight, &rows);
            lines = take(&lines, &rows);
            signs = signs.map(|signs| take(&signs, &rows));
            kinds = kinds.map(|kinds| kinds.select(&rows));
            columns.iter_mut().for_each(|(_, labels)| *labels = labels.select(&rows));
        }
        Ok(Edges { pre, post, weight, signs, kinds, columns, lines: lines.into(), ..Edges::default() })
    }

    /// The weight of every edge.
    fn weights(&self, column: &Column, at: &Location) -> Result<Vec<f64>, Error> {
        let numbers = self.edges.numbers(column, "weight", at)?;
        let want = |(edge, weight): (usize, Option<f64>)| {
            weight.ok_or_else(|| Error::Missing {
                at: self.edges.place(edge, at),
                what: format!("attribute {:?} of the edge", column.name),
                found: Vec::new(),
                remedy: "give every edge a weight, or the key a default",
            })
        };
        numbers.into_iter().enumerate().map(want).collect()
    }

    /// What a graph that this crate wrote says about its origin.
    fn provenance(&self, orientation: &str, xml: &Xml) -> Result<Provenance, Error> {
        let at = xml.at();
        let Some((_, orientation)) = ORIENTATIONS.iter().find(|(name, _)| *name == orientation) else {
            return Err(Error::BadValue {
                at: at.key("attribute orientation of the graph"),
                what: "orientation",
                text: orientation.to_owned(),
                allowed: "post-pre, pre-post, edge-list",
            });
        };
        let get = |name| self.attributes.get(name);
        let mut provenance = Provenance::new(get("source").map_or("", String::as_str), *orientation);
        if let Some(version) = get("version") {
            provenance = provenance.with_version(version);
        }
        if let Some(text) = get("threshold") {
            let threshold = parse_f64(text.as_bytes()).ok_or_else(|| Error::BadNumber {
                at: at.key("attribute threshold of the graph"),
                text: text.clone(),
                wanted: "number",
            })?;
            provenance = provenance.with_threshold(threshold);
        }
        if let Some(licence) = get("licence") {
            provenance = provenance.with_licence(licence);
        }
        if let Some(reference) = get("reference") {
            provenance = provenance.with_reference(reference);
        }
        if let Some(text) = get("inputs") {
            let inputs = serde_json::from_str(text).map_err(|e| Error::Malformed {
                at: at.key("attribute inputs of the graph"),
                problem: format!("no list of files ({e})"),
            })?;
            provenance = provenance.with_inputs(inputs);
        }
        Ok(provenance)
    }
}

fn wrong_element(tag: &Tag, element: &str) -> Error {
    tag.malformed(format!("the key {:?} is not for a {element}", tag.get("key").unwrap_or_default()))
}

/// A line number for the table of edges.
fn short(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
