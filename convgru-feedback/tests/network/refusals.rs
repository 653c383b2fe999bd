//! What cannot be built or run is refused, and the message says what, where and what would be right.

use crate::setting::{pair, square};
use connectome_graph::area::{AreaGraph, AreaTable, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Arithmetic, Bias, Builder, ConvGruCell, Error, Forward, Schedule};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// The message has all these parts.
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

#[test]
fn stimuli_that_do_not_fit() {
    let (_, network) = pair().network(Kind::Float, Arithmetic::Fused);
    let (a, b) = (zeros(&[2, 3, 1, 4, 4]), zeros(&[2, 1, 2, 3, 3]));
    assert!(network.forward(&[&a, &b], &Forward::new()).is_ok());
    let refused = |stimuli: &[&Tensor], parts: &[&str]| {
        let error = network.forward(stimuli, &Forward::new()).expect_err("they do not fit");
        assert!(matches!(error, Error::Input { .. }), "{error:?}");
        says(&error.to_string(), parts);
    };
    refused(&[], &["list of stimuli is 0 long", "one per input area: 2"]);
    refused(&[&a], &["list of stimuli is 1 long", "one per input area: 2"]);
    refused(&[&a, &b, &b], &["list of stimuli is 3 long"]);
    // without time, of other channels, of another size, of another number of samples
    refused(&[&zeros(&[2, 1, 4, 4]), &b], &["stimulus 0, of area 0", "[2, 1, 4, 4]", "[batch from 1, time, 1, 4, 4]"]);
    refused(&[&zeros(&[2, 3, 3, 4, 4]), &b], &["stimulus 0, of area 0", "[2, 3, 3, 4, 4]"]);
    refused(&[&a, &zeros(&[2, 1, 2, 3, 5])], &["stimulus 1, of area 1", "[2, time, 2, 3, 3]"]);
    refused(&[&a, &zeros(&[3, 1, 2, 3, 3])], &["stimulus 1, of area 1", "[3, 1, 2, 3, 3]", "[2, time, 2, 3, 3]"]);
    refused(&[&zeros(&[0, 3, 1, 4, 4]), &zeros(&[0, 1, 2, 3, 3])], &["stimulus 0", "batch from 1"]);
    refused(&[&a.to_kind(Kind::Double), &b], &["Double", "Float on Cpu"]);
    refused(&[&a.to_kind(Kind::Int64), &b], &["Int64", "Float on Cpu"]);
}

#[test]
fn settings_that_make_no_sense() {
    let graph = pair().graph();
    let refused = |set: &dyn Fn(Builder<'_>) -> Builder<'_>, parts: &[&str]| {
        let store = VarStore::new(Device::Cpu);
        let error = set(AreaNetwork::builder(&graph)).build(&store.root()).expect_err("it makes no sense");
        assert!(matches!(error, Error::Option { .. }), "{error:?}");
        says(&error.to_string(), parts);
        assert!(store.is_empty(), "parameters were made before the refusal");
    };
    for p in [-0.1, 1.0, 1.5, f64::NAN] {
        refused(&|builder| builder.dropout(p), &["dropout", &p.to_string(), "from 0 to below 1"]);
    }
    refused(&|builder| builder.projection_channels(0), &["projection_channels", "at least 1"]);
    refused(&|builder| builder.stimulus(2, [1, 4, 4]), &["stimulus", "input 2", "there are 2 inputs"]);
    refused(&|builder| builder.stimulus(1, [1, 0, 4]), &["stimulus", "[1, 0, 4]", "at least 1"]);
}

#[test]
fn names_that_nobody_has() {
    let names = ["V1", "V2"].map(String::from).to_vec();
    let areas = vec![square(4, 1, [0, 0]), square(2, 1, [0, 0])];
    let table = AreaTable::new(names, vec![0.0, 1.0, 0.0, 0.0], areas).unwrap();
    let graph = |inputs: &[&str], outputs: &[&str]| -> Result<AreaGraph, Error> {
        Ok(AreaGraph::named(&table, inputs, outputs, FeedbackEdges::Reciprocal)?)
    };
    assert!(graph(&["V1"], &["V2"]).is_ok());
    says(&graph(&["V1"], &["V3"]).expect_err("no V3").to_string(), &["V3", "V1, V2"]);
    says(&graph(&["V1", "V1"], &["V2"]).expect_err("twice").to_string(), &["input_nodes[1]", "V1"]);
    let none = graph(&["V1"], &[]).expect_err("nothing to read").to_string();
    says(&none, &["output_nodes"]);

    for (name, schedule) in
        [("synchronous", Schedule::Synchronous), ("ping-pong", Schedule::PingPong), ("in-place", Schedule::InPlace)]
    {
        assert_eq!(name.parse::<Schedule>().unwrap(), schedule);
    }
    let error = "PingPong".parse::<Schedule>().expect_err("no such schedule").to_string();
    says(&error, &["schedule", "\"PingPong\"", "synchronous, ping-pong, in-place"]);
}

#[test]
fn cells_and_what_they_are_given() {
    let store = VarStore::new(Device::Cpu);
    let cell = |channels, kernel, feedback| ConvGruCell::new(&store.root(), channels, kernel, feedback, Bias::None, 0);
    let refused = |result: Result<_, Error>, parts: &[&str]| match result {
        Ok(_) => panic!("it was taken"),
        Err(error) => says(&error.to_string(), parts),
    };
    refused(cell([1, 1], [3, 2], [0, 0]).map(|_| ()), &["kernel of a cell", "a side of 2", "odd"]);
    refused(cell([0, 1], [3, 3], [0, 0]).map(|_| ()), &["channels of a cell", "0 channels", "at least 1"]);
    refused(cell([1, 1], [3, 3], [-1, 0]).map(|_| ()), &["channels of a cell", "-1 channels", "none or more"]);
    assert!(store.is_empty());

    let cell = cell([2, 3], [3, 3], [1, 1]).unwrap();
    let (x, h) = (zeros(&[2, 2, 4, 5]), zeros(&[2, 3, 4, 5]));
    let f = zeros(&[2, cell.feedback_channels(), 4, 5]);
    assert!(cell.forward(&x, Some(&h), Some(&f)).is_ok());
    let refused = |x: &Tensor, h: &Tensor, f: &Tensor, parts: &[&str]| {
        let error = cell.forward(x, Some(h), Some(f)).expect_err("they do not fit");
        assert!(matches!(error, Error::Input { .. }), "{error:?}");
        says(&error.to_string(), parts);
    };
    refused(&h, &h, &f, &["bottom-up input", "[2, 3, 4, 5]", "[2, 2, 4, 5]"]);
    refused(&zeros(&[2, 4, 5]), &h, &f, &["bottom-up input", "[batch, 2, height, width]"]);
    refused(&x, &zeros(&[1, 3, 4, 5]), &f, &["the state", "[1, 3, 4, 5]", "[2, 3, 4, 5]"]);
    refused(&x, &h, &f.narrow(1, 1, 7), &["the feedback", "[2, 7, 4, 5]", "[2, 8, 4, 5]"]);
    refused(&x, &h, &f.to_kind(Kind::Double), &["the feedback", "Double"]);
    refused(&x.to_kind(Kind::Half), &h, &f, &["bottom-up input", "Half"]);
}
