//! Directed graphs of networkx and igraph, `.graphml`.
//!
//! | in the file | in the [`Connectome`](crate::Connectome) |
//! | --- | --- |
//! | node | row of the neuron table, in the order of the file |
//! | attribute `id` of the nodes if it is another whole number for each, else `<node id>` if all are whole numbers, else 0, 1, ... | id |
//! | attribute `name`, else an attribute `id` of texts, else `<node id>` that is text | name |
//! | `type`, `class`, `transmitter` of a node | those columns |
//! | `sign` of a node or an edge: `1`, `-1`, `0`, `+`, `-`, empty | sign |
//! | `x`, `y`, `z` of a node, where all three are numbers | position; its unit is the graph's `position_unit` |
//! | edge | row of the synapse table; undirected ones run both ways |
//! | `weight` of an edge, or [`ReadOptions::weight_column`](crate::ReadOptions::weight_column) | weight; 1 in a graph without |
//! | `kind` of an edge | kind |
//! | any other attribute of a node or an edge | further column of that name; numbers stay as they are spelt |
//! | `source`, `version`, `threshold`, `licence`, `orientation`, `reference`, `inputs` (JSON) of the graph | provenance, if `orientation` is there |
//!
//! An attribute that an element lacks has the default of its key, else it is empty. A `<node id>` that is neither id nor
//! name is kept as the column `node_id`, but for the `n0`, `n1`, ... of igraph, and an attribute `id` that is neither as
//! `text_id`. Ids of edges, other attributes of the graph, descriptions and the drawings of yEd are left out.
//!
//! Nothing that the text refers to is ever fetched or expanded: a `<!DOCTYPE` is refused, and so are ports, hyperedges,
//! nested graphs, and a second graph. Texts are UTF-8.
//!
//! Source: Brandes, Eiglsperger, Herman, Himsolt, Marshall, *GraphML Progress Report*, GD 2001, and the GraphML primer.

mod columns;
mod reader;
mod writer;
mod xml;

pub use reader::read;
pub use writer::write;

/// Attributes of a node that are no further column.
const NODE_COLUMNS: [&str; 9] = ["id", "name", "type", "class", "transmitter", "sign", "x", "y", "z"];
/// Attributes of an edge that are no further column.
const EDGE_COLUMNS: [&str; 3] = ["weight", "sign", "kind"];
/// How the graph's attribute `orientation` spells each layout.
const ORIENTATIONS: [(&str, crate::Orientation); 3] = [
    ("post-pre", crate::Orientation::PostPre),
    ("pre-post", crate::Orientation::PrePost),
    ("edge-list", crate::Orientation::EdgeList),
];

/// A character that XML 1.0 cannot hold, not even as a number.
fn forbidden(text: &str) -> Option<char> {
    text.chars().find(|&c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
}
