use super::*;
use tch::nn::VarStore;
use tch_function::gradcheck::Gradcheck;

/// Options with numbers to compare by: small, of drawn weights.
fn options(arithmetic: Arithmetic) -> DecoderOptions {
    DecoderOptions { initial: Initial::Uniform { seed: 3 }, arithmetic, ..DecoderOptions::default() }
}

fn store(kind: Kind) -> VarStore {
    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(kind);
    vs
}

/// Numbers of either sign, none near zero.
fn activity(shape: [i64; 4], kind: Kind) -> Tensor {
    let n: i64 = shape.iter().product();
    let t = Tensor::arange(n, (Kind::Double, Device::Cpu));
    ((&t * 0.7311).sin() * 1.5 + (&t * 0.137).cos()).view(shape).to_kind(kind)
}

/// Largest difference as a part of the largest number.
fn off(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!(got.size(), want.size());
    let [got, want] = [got, want].map(|t| t.detach().to_kind(Kind::Double));
    ((&got - &want).abs().max() / (want.abs().max() + 1e-300)).double_value(&[])
}

/// Output, gradients by name and by the input, and the store.
fn run(
    extent: u32,
    inputs: usize,
    frames: i64,
    options: &DecoderOptions,
    kind: Kind,
    phase: Phase,
) -> Vec<(String, Tensor)> {
    let vs = store(kind);
    let decoder = HexDecoder::new(&vs.root(), inputs, Extent(extent), options).unwrap();
    let columns = Lattice::new(Extent(extent)).unwrap().len() as i64;
    tch::no_grad(|| {
        for (name, mut variable) in vs.variables() {
            let n = variable.numel() as i64;
            let wave = (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 1.7 + name.len() as f64).sin();
            let wave = wave.view(&variable.size()[..]).to_kind(kind);
            if name.ends_with("1.weight") || name.ends_with("running_var") {
                variable.copy_(&(wave * 0.5 + 1.0));
            } else if !name.ends_with("0.weight") && !name.contains("num") {
                variable.copy_(&(wave * 0.3));
            }
        }
    });
    let x = activity([1, frames, inputs as i64, columns], kind).set_requires_grad(true);
    let y = decoder.forward(&x, phase).unwrap();
    let weights = (Tensor::arange(y.numel() as i64, (Kind::Double, Device::Cpu)) * 0.9).cos().view(&y.size()[..]);
    (&y * weights.to_kind(kind)).sum(kind).backward();
    let mut all = vec![("output".to_owned(), y.detach()), ("input".to_owned(), x.grad())];
    let mut names: Vec<_> = vs.variables().into_iter().collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, variable) in names {
        let gradient = if variable.requires_grad() { variable.grad() } else { variable.shallow_clone() };
        all.push((name, gradient));
    }
    all
}

/// The kernels compute what libtorch computes: outputs, all gradients and running statistics, for every kind of setting.
#[test]
fn kernels_agree_with_libtorch() {
    let phases = [Phase::Training { seed: 5 }, Phase::Evaluation];
    for (extent, inputs, hidden, kernel, frames) in
        [(3, 34, 8, 5, 3), (0, 2, 3, 3, 4), (1, 3, 9, 5, 2), (2, 5, 4, 7, 9), (5, 2, 1, 1, 17), (15, 34, 8, 5, 2)]
    {
        for phase in phases {
            for outside in [OutsideWeights::Still, OutsideWeights::Moved] {
                for (kind, tolerance) in [(Kind::Double, 1e-11), (Kind::Float, 2e-4)] {
                    let with =
                        |arithmetic| DecoderOptions { hidden: vec![hidden], kernel, outside, ..options(arithmetic) };
                    let got = run(extent, inputs, frames, &with(Arithmetic::Fused), kind, phase);
                    let want = run(extent, inputs, frames, &with(Arithmetic::Libtorch), kind, phase);
                    for ((name, got), (_, want)) in got.iter().zip(&want) {
                        // behind batch statistics the first bias has a gradient of zero but for rounding
                        let rounding = name == "base.0.bias" && phase != Phase::Evaluation;
                        let off =
                            if rounding { (got - want).abs().max().double_value(&[]) * 0.02 } else { off(got, want) };
                        assert!(
                            off < tolerance,
                            "{name}: {off:e}; extent {extent}, kernel {kernel}, {kind:?}, {phase:?}, {outside:?}"
                        );
                    }
                }
            }
        }
    }
}

/// Sums do not depend on how many threads there are.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(4, 6, 37, &options(Arithmetic::Fused), Kind::Float, Phase::Training { seed: 1 }))
    };
    let one = of(1);
    for threads in [2, 5] {
        for ((name, got), (_, want)) in of(threads).iter().zip(&one) {
            assert!(got.equal(want), "{name} with {threads} threads");
        }
    }
}

/// Derivatives by the input against differences.
#[test]
fn gradients_are_derivatives() {
    for phase in [Phase::Training { seed: 2 }, Phase::Evaluation] {
        let vs = store(Kind::Double);
        let options = DecoderOptions { hidden: vec![3], ..options(Arithmetic::Fused) };
        let decoder = HexDecoder::new(&vs.root(), 2, Extent(2), &options).unwrap();
        let x = activity([1, 2, 2, 19], Kind::Double);
        Gradcheck::default().first(|t| decoder.forward(&t[0], phase).unwrap(), &[&x]).unwrap();
    }
}

/// Layers, readouts and names of other shapes.
#[test]
fn shapes_and_names() {
    let vs = store(Kind::Float);
    let deep = DecoderOptions { hidden: vec![6, 4], readout: Readout::Features(3), ..options(Arithmetic::Fused) };
    let decoder = HexDecoder::new(&(vs.root() / "deep"), 5, Extent(2), &deep).unwrap();
    let y = decoder.forward(&activity([2, 3, 5, 19], Kind::Float), Phase::Training { seed: 0 }).unwrap();
    assert_eq!(y.size(), [2, 3, 2, 3]);
    let none = DecoderOptions { hidden: vec![], last: Last::Plain, ..options(Arithmetic::Fused) };
    let decoder = HexDecoder::new(&(vs.root() / "none"), 5, Extent(2), &none).unwrap();
    let y = decoder.forward(&activity([2, 3, 5, 19], Kind::Float), Phase::Evaluation).unwrap();
    assert_eq!(y.size(), [2, 3, 2, 19]);
    let variables = vs.variables();
    for (name, shape) in [
        ("deep.base.0.weight", vec![6, 5, 5, 5]),
        ("deep.base.4.weight", vec![4, 6, 5, 5]),
        ("deep.base.5.running_var", vec![4]),
        ("deep.decoder.0.bias", vec![7]),
        ("none.decoder.0.running_mean", vec![5]),
        ("none.decoder.1.weight", vec![2, 5, 5, 5]),
    ] {
        assert_eq!(variables[name].size(), shape, "{name}");
    }
    assert_eq!(variables["deep.base.1.num_batches_tracked"].int64_value(&[]), 1);
    let outside = variables["deep.base.0.weight"].select(2, 0).select(2, 0);
    assert_eq!(outside.abs().max().double_value(&[]), 0.0);
}

#[test]
fn nonsense_is_refused() {
    let vs = store(Kind::Float);
    let build = |options: DecoderOptions| HexDecoder::new(&(vs.root() / "bad"), 5, Extent(2), &options).map(|_| ());
    for bad in [
        DecoderOptions { kernel: 4, ..DecoderOptions::default() },
        DecoderOptions { dropout: 1.0, ..DecoderOptions::default() },
        DecoderOptions { hidden: vec![0], ..DecoderOptions::default() },
        DecoderOptions { readout: Readout::Features(0), ..DecoderOptions::default() },
        DecoderOptions { initial: Initial::Constant(f64::NAN), ..DecoderOptions::default() },
    ] {
        assert!(matches!(build(bad), Err(Error::Setting { .. })));
    }
    let decoder = HexDecoder::new(&(vs.root() / "good"), 5, Extent(2), &DecoderOptions::default()).unwrap();
    for shape in [[1, 1, 4, 19], [1, 1, 5, 18], [0, 1, 5, 19]] {
        let refused = decoder.forward(&Tensor::zeros(shape, (Kind::Float, Device::Cpu)), Phase::Evaluation);
        assert!(matches!(refused, Err(Error::Shape { .. })));
    }
    let double = Tensor::zeros([1, 1, 5, 19], (Kind::Double, Device::Cpu));
    assert!(decoder.forward(&double, Phase::Evaluation).unwrap_err().to_string().contains("Float"));
}
