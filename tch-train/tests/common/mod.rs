//! A small network with everything that a resumption must restore: dropout, buffers, two groups, schedules, a hook, validation.

use std::path::Path;

use serde_json::json;
use tch::nn::{self, Module, ModuleT};
use tch::{Device, Kind, Tensor};
use tch_train::{
    Adam, Batch, Batches, Best, BoxError, Checkpoints, Clip, Identity, Keep, OneCycle, Optimizer, Outcome, Parameters,
    Schedule, Scores, Sgd, Trainer,
};

pub(crate) struct Toy {
    pub(crate) vs: nn::VarStore,
    hidden: nn::Linear,
    norm: nn::BatchNorm,
    readout: nn::Linear,
    x: Tensor,
    y: Tensor,
}

impl Toy {
    pub(crate) fn new(kind: Kind) -> Self {
        tch::set_num_threads(1);
        tch::manual_seed(5);
        let mut vs = nn::VarStore::new(Device::Cpu);
        vs.set_kind(kind);
        let root = vs.root();
        let hidden = nn::linear(&root / "hidden", 3, 16, Default::default());
        let norm = nn::batch_norm1d(&root / "norm", 16, Default::default());
        let readout = nn::linear(&root / "readout", 16, 1, Default::default());
        if kind == Kind::Double {
            vs.double(); // buffers of tch are Float whatever the store's kind
        }
        let x = Tensor::randn([50, 3], (kind, Device::Cpu));
        let y = (&x * 2.0).sin().sum_dim_intlist([1i64].as_slice(), true, kind);
        Self { vs, hidden, norm, readout, x, y }
    }

    pub(crate) fn loss(&self, indices: &Tensor, train: bool) -> Tensor {
        let (x, y) = (self.x.index_select(0, indices), self.y.index_select(0, indices));
        let h = self.norm.forward_t(&self.hidden.forward(&x), train).relu().dropout(0.3, train);
        (self.readout.forward(&h) - y).square().mean(x.kind())
    }

    pub(crate) fn step(&self, batch: &Batch) -> Result<Outcome, BoxError> {
        let loss = self.loss(&batch.index(), true);
        let size = batch.indices.len() as f64;
        Ok(Outcome::loss(loss).metric("samples", size))
    }

    pub(crate) fn trainer(&self, folder: &Path, steps: u64) -> Trainer<'_> {
        let all = Parameters::of(&self.vs);
        let optimizer = Optimizer::new(Adam { weight_decay: 1e-3, ..Adam::default() }, &all.without("readout"))
            .unwrap()
            .with_group("readout", Sgd { momentum: 0.9, ..Sgd::default() }, &all.under("readout"))
            .unwrap();
        let checkpoints = Checkpoints::new(folder.join("checkpoints")).keep(Keep::Newest(3)).best_is(Best::Lowest);
        let identity = Identity::new("Toy", json!({"hidden": 16}));
        let mut bias = all.get("hidden.bias").unwrap().shallow_clone();
        Trainer::new(all, optimizer, Batches::shuffled(50, 8, 11).unwrap())
            .unwrap()
            .seed(3)
            .lr(Schedule::OneCycle(OneCycle::lr(0.02, steps)))
            .unwrap()
            .group_lr("readout", Schedule::linear(0.05, 0.0, steps))
            .unwrap()
            .momentum(Schedule::OneCycle(OneCycle::momentum(steps)))
            .unwrap()
            .clip(Clip::Norm(0.5))
            .after_step(move |_| {
                let _ = bias.f_clamp_min_(0.0)?;
                Ok(())
            })
            .validate(7, |_| {
                let all = Tensor::arange(50, (Kind::Int64, Device::Cpu));
                Ok(Scores::new("loss", self.loss(&all, false).double_value(&[])))
            })
            .unwrap()
            .checkpoints(3, checkpoints, identity)
            .unwrap()
            .log(folder, 1)
            .unwrap()
    }
}
