//! GraphML.

use connectome_io::{
    Connectome, Duplicates, Error, InputFile, Labels, NeuronTable, Orientation, Positions, Provenance, ReadOptions,
    Sign, SynapseTable, UnknownNeurons, read, read_with, write,
};

use crate::common::Folder;
use crate::{check, fixture, rows};

/// A graph of the given keys and elements.
fn graphml(keys: &str, elements: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n{keys}\n<graph edgedefault=\"directed\">\n{elements}\n</graph></graphml>\n"
    )
}

#[test]
fn files_of_networkx() {
    let fly = read(fixture("networkx_ids.graphml")).unwrap();
    assert_eq!(fly.neurons().ids(), [720_575_940_628_857_210, 5_813_105_172, 7]);
    assert!(fly.neurons().names().is_none());
    assert!(fly.neurons().types().unwrap().iter().eq(["EPG", "ER4d", ""]));
    assert!(fly.neurons().column("proofread").unwrap().iter().eq(["True", "False", ""]));
    let positions = fly.neurons().positions().unwrap();
    assert_eq!(positions.points(), [Some([1.5, -2.0, 0.25]), Some([0.0, 1e-3, 4.0]), None]);
    // networkx types by value: weights are whole numbers under one key and fractions under another.
    assert_eq!(rows(&fly), [(0, 1, 3.0), (1, 2, 0.1), (2, 2, 2.0)]);
    assert!(fly.synapses().column("roi").unwrap().iter().eq(["EB & <PB>", "", "EB"]));
    assert_eq!(fly.provenance().source(), "networkx_ids.graphml");
    assert_eq!(fly.provenance().orientation(), Orientation::EdgeList);

    // Two edges of unlike kinds between the same neurons are no duplicates.
    let worm = read(fixture("networkx_names.graphml")).unwrap();
    assert_eq!(worm.neurons().names().unwrap(), ["ADAL", "ADAR", "AVA\u{e4}"]);
    assert_eq!(worm.neurons().ids(), [0, 1, 2]);
    assert!(worm.synapses().kinds().unwrap().iter().eq(["chemical", "electrical", "chemical"]));
    assert_eq!(rows(&worm), [(0, 1, 2.0), (0, 1, 1.0), (2, 0, 4.0)]);

    let path = read(fixture("networkx_undirected.graphml")).unwrap();
    assert_eq!(rows(&path), [(0, 1, 1.0), (1, 2, 1.0), (1, 0, 1.0), (2, 1, 1.0)]);
}

#[test]
fn files_in_the_manner_of_igraph() {
    let f = Folder::new();
    let keys = r#"<key id="v_name" for="node" attr.name="name" attr.type="string"/>
<key id="v_id" for="node" attr.name="id" attr.type="string"/>
<key id="e_weight" for="edge" attr.name="weight" attr.type="double"/>"#;
    let node = |n: &str, name: &str, id: &str| {
        format!("<node id=\"{n}\"><data key=\"v_name\">{name}</data><data key=\"v_id\">{id}</data></node>\n")
    };
    let edge = r#"<edge source="n1" target="n0"><data key="e_weight">2.5</data></edge>"#;
    let c = read(f.put("a.graphml", graphml(keys, &(node("n0", "a", "70") + &node("n1", "b", "-3") + edge)))).unwrap();
    assert_eq!(c.neurons().ids(), [70, -3]);
    assert_eq!(c.neurons().names().unwrap(), ["a", "b"]);
    assert!(c.neurons().columns().is_empty());
    assert_eq!(rows(&c), [(1, 0, 2.5)]);
    // Ids that are text are names where there are none, else a column; ids of nodes that say more than n0 too.
    let text = graphml(keys, &(node("n0", "a", "x") + &node("n1", "b", "y") + edge));
    let c = read(f.put("b.graphml", text.replace("v_name\" for", "v_name\" attr.unknown=\"\" for"))).unwrap();
    assert_eq!(c.neurons().ids(), [0, 1]);
    assert!(c.neurons().column("text_id").unwrap().iter().eq(["x", "y"]));
    let c = read(f.put("c.graphml", text.replace("attr.name=\"name\"", "attr.name=\"label\""))).unwrap();
    assert_eq!(c.neurons().names().unwrap(), ["x", "y"]);
    assert!(c.neurons().column("label").unwrap().iter().eq(["a", "b"]));
    let c = read(f.put("d.graphml", text.replace("n0", "left").replace("n1", "right"))).unwrap();
    assert!(c.neurons().column("node_id").unwrap().iter().eq(["left", "right"]));
    // Numbers with zeros before them are text: nothing of an id is lost.
    let c = read(f.put("e.graphml", graphml("", "<node id=\"07\"/><node id=\"7\"/>"))).unwrap();
    assert_eq!(c.neurons().names().unwrap(), ["07", "7"]);
}

#[test]
fn freedom_of_the_format() {
    let f = Folder::new();
    let text = r#"<!-- no declaration --><g:graphml xmlns:g="http://graphml.graphdrawing.org/xmlns" xmlns:y="yed">
<g:desc>a <b/> c</g:desc>
<g:key id="w" for="edge" attr.name="weight" attr.type="float"><g:default> 4 </g:default></g:key>
<g:key id="d" for="node" yfiles.type="nodegraphics"/>
<g:key id="both" attr.name="note"><g:default>none</g:default></g:key>
<g:key id="plain" for="node"/>
<g:graph id="G" edgedefault="directed" parse.nodes="3">
 <g:edge source="b" target="a" directed="false"/>
 <g:edge id="e1" source="a" target="a" directed="false"><g:data key="w">1e1</g:data></g:edge>
 <g:node id="a"><g:data key="d"><y:ShapeNode><y:Fill/>x</y:ShapeNode></g:data><g:data key="both">x&#65;&amp;<![CDATA[<&>]]></g:data></g:node>
 <?pi pi?>
 <g:node id="b"><g:desc/><g:data key="plain"> kept  </g:data></g:node>
</g:graph></g:graphml>
<!-- end -->"#;
    let c = read(f.put("a.graphml", text)).unwrap();
    // Nodes may follow edges; an undirected edge runs both ways, a loop once.
    assert_eq!(c.neurons().names().unwrap(), ["a", "b"]);
    assert_eq!(rows(&c), [(1, 0, 4.0), (0, 0, 10.0), (0, 1, 4.0)]);
    assert!(c.neurons().column("note").unwrap().iter().eq(["xA&<&>", "none"]));
    assert!(c.neurons().column("plain").unwrap().iter().eq(["", " kept  "]));
    assert!(c.synapses().columns().is_empty());
    assert_eq!(read(f.put("noname", text)).unwrap().synapses(), c.synapses());
    assert_eq!(read(f.gz("a.graphml.gz", text.as_bytes())).unwrap().synapses(), c.synapses());
}

#[test]
fn options_apply() {
    let f = Folder::new();
    let keys = "<key id=\"a\" for=\"edge\" attr.name=\"n_syn\" attr.type=\"int\"/>";
    let edge =
        |s: &str, t: &str, n: u32| format!("<edge source=\"{s}\" target=\"{t}\"><data key=\"a\">{n}</data></edge>");
    let edges = edge("5", "6", 2) + &edge("6", "5", 9) + &edge("5", "6", 4);
    let path = f.put("a.graphml", graphml(keys, &format!("<node id=\"5\"/><node id=\"6\"/>\n{edges}")));
    check(&read(&path).unwrap_err(), |e| matches!(e, Error::DuplicateSynapse { .. }), "line 6");
    let sum = ReadOptions {
        duplicates: Duplicates::Sum,
        weight_column: Some("n_syn".to_owned()),
        threshold: Some(6.0),
        ..ReadOptions::default()
    };
    assert_eq!(rows(&read_with(&path, &sum).unwrap()), [(0, 1, 6.0), (1, 0, 9.0)]);
    let other = ReadOptions { weight_column: Some("n".to_owned()), ..sum };
    check(&read_with(&path, &other).unwrap_err(), |e| matches!(e, Error::Missing { .. }), "n_syn");
    let stray = f.put(
        "b.graphml",
        graphml("", "<node id=\"5\"/>\n<edge source=\"5\" target=\"8\"/><edge source=\"5\" target=\"5\"/>"),
    );
    check(&read(&stray).unwrap_err(), |e| matches!(e, Error::UnknownNeuron { .. }), "line 6: 8 is not among the 1");
    let drop = ReadOptions { unknown_neurons: UnknownNeurons::Drop, ..ReadOptions::default() };
    assert_eq!(rows(&read_with(&stray, &drop).unwrap()), [(0, 0, 1.0)]);
}

fn small() -> Connectome {
    let neurons = NeuronTable::new(vec![720_575_940_628_857_210, -4, 9])
        .unwrap()
        .with_names(vec!["a & b".to_owned(), "<\"'>\r\n\t".to_owned(), " \u{1f9e0} ".to_owned()])
        .unwrap()
        .with_types(Labels::from_values(["EPG", "", "EPG"]))
        .unwrap()
        .with_classes(Labels::from_values(["", "", ""]))
        .unwrap()
        .with_signs(vec![Sign::Excitatory, Sign::Unknown, Sign::Inhibitory])
        .unwrap()
        .with_positions(Positions::new(vec![Some([0.1, -0.0, 1e300]), None, Some([0.0; 3])], "8 nm \"voxel\"").unwrap())
        .unwrap()
        .with_column("cell body & fibre", Labels::from_values(["", "PDM01", "]]>"]))
        .unwrap();
    let synapses = SynapseTable::new(vec![0, 2, 0], vec![1, 2, 1], vec![0.1, 5e-324, -3.0])
        .unwrap()
        .with_kinds(Labels::from_values(["chemical", "chemical", "electrical"]))
        .unwrap()
        .with_signs(vec![Sign::Unknown, Sign::Inhibitory, Sign::Excitatory])
        .unwrap();
    let input = InputFile { name: "a \"b\".csv".to_owned(), bytes: u64::MAX, sha256: "00ff".to_owned() };
    let provenance = Provenance::new("made \u{e4}", Orientation::PostPre).with_version("").with_threshold(0.1);
    Connectome::new(
        neurons,
        synapses,
        provenance.with_licence("CC <BY> 4.0").with_reference("A & B").with_inputs(vec![input]),
    )
    .unwrap()
}

#[test]
fn everything_is_read_back() {
    let f = Folder::new();
    for name in ["a.graphml", "a.graphml.gz"] {
        let path = f.path().join(name);
        write(&small(), &path).unwrap();
        assert_eq!(read(&path).unwrap(), small());
    }
}

#[test]
fn what_a_graph_cannot_hold_is_not_written() {
    let f = Folder::new();
    let path = f.path().join("a.graphml");
    let refuse = |c: &Connectome, kind: fn(&Error) -> bool, words: &str| {
        check(&write(c, &path).unwrap_err(), kind, words);
        assert!(!path.exists());
    };
    let with = |change: fn(NeuronTable) -> NeuronTable| {
        let (neurons, synapses, _, provenance) = small().into_parts();
        Connectome::new(change(neurons), synapses, provenance).unwrap()
    };
    let bad: fn(&Error) -> bool = |e| matches!(e, Error::BadValue { .. });
    let named = with(|t| t.with_names(vec!["a".to_owned(), "b".to_owned(), "c\u{1}".to_owned()]).unwrap());
    refuse(&named, bad, "name of neuron 2 (id 9)");
    let typed = with(|t| t.with_types(Labels::from_values(["a", "b\0", "c"])).unwrap());
    refuse(&typed, bad, "type of neuron 1 (id -4)");
    refuse(&with(|t| t.with_column("n\u{b}", Labels::from_values(["", "", ""])).unwrap()), bad, "further column");
    refuse(&small().with_provenance(Provenance::new("\u{ffff}", Orientation::EdgeList)), bad, "source");
    let (neurons, synapses, _, provenance) = small().into_parts();
    let synapses = synapses.with_kinds(Labels::from_values(["a", "b", "\u{1f}"])).unwrap();
    refuse(&Connectome::new(neurons, synapses, provenance).unwrap(), bad, "kind of synapse row 2");
    for name in ["type", "x", "id", ""] {
        let (neurons, synapses, _, provenance) = small().into_parts();
        let neurons = neurons.with_column(name, Labels::from_values(["", "", ""])).unwrap();
        let c = Connectome::new(neurons, synapses, provenance).unwrap();
        refuse(&c, |e| matches!(e, Error::Unsupported { .. }), "further column");
    }
    let fly = read(concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz")).unwrap();
    refuse(&fly, |e| matches!(e, Error::Unsupported { .. }), "lattice");
}

#[test]
fn graphs_that_are_refused() {
    let f = Folder::new();
    let refuse = |text: &str, kind: fn(&Error) -> bool, words: &str| {
        for path in [f.put("bad.graphml", text), f.gz("bad.graphml.gz", text.as_bytes())] {
            let error = read(&path).unwrap_err();
            check(&error, kind, words);
            check(&error, kind, "bad.graphml");
        }
    };
    let unsupported: fn(&Error) -> bool = |e| matches!(e, Error::Unsupported { .. });
    let malformed: fn(&Error) -> bool = |e| matches!(e, Error::Malformed { .. });
    let missing: fn(&Error) -> bool = |e| matches!(e, Error::Missing { .. });
    let value: fn(&Error) -> bool = |e| matches!(e, Error::BadValue { .. });
    let number: fn(&Error) -> bool = |e| matches!(e, Error::BadNumber { .. });
    let twice: fn(&Error) -> bool = |e| matches!(e, Error::DuplicateName { .. });
    let empty: fn(&Error) -> bool = |e| matches!(e, Error::Empty { .. });

    // Entities that grow, and those that fetch.
    let laughs = "<!DOCTYPE g [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>";
    let fetch = "<!DOCTYPE g [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    for dtd in [laughs, fetch, "<!DOCTYPE graphml SYSTEM \"http://example.org/g.dtd\">"] {
        let text = graphml("", "<node id=\"&b;\"/>");
        refuse(&text.replacen('\n', dtd, 1), unsupported, "DOCTYPE");
    }
    refuse(&graphml("", "<node id=\"&b;\"/>"), malformed, "line 5");
    let key = "<key id=\"k\" for=\"node\"/>";
    refuse(&graphml(key, "<node id=\"1\"><data key=\"k\">&b;</data></node>"), malformed, "&b;");
    refuse(&graphml(key, "<node id=\"1\"><data key=\"k\">&#1;</data></node>"), malformed, "control");
    refuse(&graphml(key, "<node id=\"a\u{1}\"/>"), malformed, "control");
    refuse(&graphml(key, "<node id=\"1\"><data key=\"k\"><b/></data></node>"), malformed, "<b> inside <data>");
    refuse(&graphml("", "").replace("UTF-8", "UTF-16"), unsupported, "UTF-16");
    for (elements, words) in [
        ("<hyperedge/>", "hyperedge"),
        ("<node id=\"1\"><port name=\"a\"/></node>", "port"),
        ("<node id=\"1\"/><edge source=\"1\" target=\"1\" sourceport=\"a\"/>", "port"),
        ("<node id=\"1\"><graph edgedefault=\"directed\"/></node>", "inside a node"),
        ("<locator/>", "elsewhere"),
        ("</graph><graph edgedefault=\"directed\">", "second graph"),
    ] {
        refuse(&graphml("", elements), unsupported, words);
    }
    for (elements, words) in [
        ("<knot id=\"1\"/>", "<knot> inside <graph>"),
        ("text", "\"text\" between elements"),
        ("<node id=\"1\">", "bad.graphml"),
        ("<node id=\"1\"></edge>", "bad.graphml"),
        ("<node id=1/>", "line 5"),
        ("<node id=\"1\" id=\"2\"/>", "line 5"),
        ("</graph><key id=\"k\"/><graph>", "after the graph"),
    ] {
        refuse(&graphml("", elements), malformed, words);
    }
    let many: String = (0..100).map(|i| format!(" a{i}=\"\"")).collect();
    refuse(&graphml("", &format!("<node id=\"1\"{many}/>")), malformed, "64 attributes");
    refuse(&graphml("", &"<desc>".repeat(100_000)), malformed, "deeper than 64");
    refuse("<graph/>", malformed, "root");
    refuse("<graphml></graphml><graphml/>", malformed, "after the end");
    refuse("<graphml>", malformed, "ends inside");
    refuse("<graphml></graphml>", empty, "graph");
    refuse("<?xml version=\"1.0\"?>", empty, "elements");
    refuse(&graphml("", ""), empty, "nodes");
    refuse(&graphml("", "<node/>"), missing, "\"id\"");
    refuse(&graphml("", "<node id=\"1\"/><edge source=\"1\"/>"), missing, "\"target\"");
    refuse(&graphml("", "<node id=\"1\"><data key=\"k\"/></node>"), missing, "key \"k\"");
    refuse("<graphml><graph/></graphml>", missing, "edgedefault");
    refuse("<graphml><graph edgedefault=\"both\"/></graphml>", value, "both");
    refuse(&graphml("", "<node id=\"1\"/><edge source=\"1\" target=\"1\" directed=\"maybe\"/>"), value, "maybe");
    refuse(&graphml("<key id=\"k\" attr.type=\"complex\"/>", ""), value, "complex");
    refuse(&graphml("<key id=\"k\" for=\"vertex\"/>", ""), value, "vertex");
    refuse(&graphml("", "<node id=\"1\"/>\n<node id=\"1\"/>"), twice, "line 6");
    refuse(&graphml("<key id=\"k\"/><key id=\"k\"/>", ""), twice, "\"k\"");
    refuse(&graphml(key, "<node id=\"1\"><data key=\"k\"/><data key=\"k\"/></node>"), twice, "attribute");
    refuse(
        &graphml(key, "<node id=\"1\"/><edge source=\"1\" target=\"1\"><data key=\"k\"/></edge>"),
        malformed,
        "edge",
    );
    refuse(&graphml(key, "<data key=\"k\"/>"), malformed, "not for a graph");

    let weight = "<key id=\"w\" for=\"edge\" attr.name=\"weight\" attr.type=\"double\"/>";
    let edge = |text: &str| {
        graphml(
            weight,
            &format!("<node id=\"1\"/>\n<edge source=\"1\" target=\"1\"><data key=\"w\">{text}</data></edge>"),
        )
    };
    refuse(&edge("one"), number, "line 6");
    refuse(&edge(""), number, "line 6");
    for text in ["NaN", "INF", "-inf", "1e999"] {
        refuse(&edge(text), |e| matches!(e, Error::NotFinite { .. }), "line 6");
    }
    let without = graphml(weight, "<node id=\"1\"/>\n<edge source=\"1\" target=\"1\"/>");
    refuse(&without, missing, "\"weight\"");
    refuse(&graphml("<key id=\"w\" attr.type=\"int\"><default>x</default></key>", ""), number, "\"x\"");
    let sign = "<key id=\"s\" for=\"node\" attr.name=\"sign\"/>";
    refuse(&graphml(sign, "<node id=\"1\"><data key=\"s\">maybe</data></node>"), value, "line 5");
    let axes: String = ["x", "y", "z"]
        .map(|a| format!("<key id=\"{a}\" for=\"node\" attr.name=\"{a}\" attr.type=\"double\"/>"))
        .concat();
    refuse(&graphml(&axes, "<node id=\"1\"><data key=\"x\">1</data></node>"), missing, "coordinate");
    refuse(
        &graphml(
            "<key id=\"o\" for=\"graph\" attr.name=\"orientation\"/>",
            "<node id=\"1\"/><data key=\"o\">up</data>",
        ),
        value,
        "orientation",
    );
    let origin =
        "<key id=\"o\" for=\"graph\" attr.name=\"orientation\"/><key id=\"i\" for=\"graph\" attr.name=\"inputs\"/>";
    let inputs = "<node id=\"1\"/><data key=\"o\">post-pre</data><data key=\"i\">[1]</data>";
    refuse(&graphml(origin, inputs), malformed, "inputs");
    // A text that no neuron has, and a table that a few bytes would blow up.
    let long = f.put("long.graphml", graphml(key, &format!("<node id=\"{}\"/>", "1".repeat(5 << 20))));
    check(&read(long).unwrap_err(), |e| matches!(e, Error::TooLarge { .. }), "long.graphml");
    let keys: String = (0..1000).map(|i| format!("<key id=\"k{i}\" for=\"node\"/>")).collect();
    let nodes: String = (0..20_000).map(|i| format!("<node id=\"{i}\"/>")).collect();
    refuse(&graphml(&keys, &nodes), malformed, "implausible");
    refuse(&graphml(&(keys + key), ""), malformed, "more than 1000 keys");
}
