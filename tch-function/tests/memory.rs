//! Nothing leaks: one test, alone in its process, whose memory is watched.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use tch::{Device, Kind, Tensor};
use tch_function::{BoxError, Forward, Op, SecondDerivative, apply};

/// Operations alive.
static ALIVE: AtomicIsize = AtomicIsize::new(0);

/// y = exp(x), with a copy of x as second output; saves an input, an output and an intermediate or not.
struct Exp<const RECORDED: bool> {
    fail: bool,
    _witness: Arc<()>,
}

impl<const RECORDED: bool> Exp<RECORDED> {
    fn new(fail: bool, witness: &Arc<()>) -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Exp { fail, _witness: witness.clone() }
    }
}

impl<const RECORDED: bool> Drop for Exp<RECORDED> {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<const RECORDED: bool> Op for Exp<RECORDED> {
    const NAME: &'static str = "Exp";
    const SECOND: SecondDerivative = if RECORDED { SecondDerivative::Recorded } else { SecondDerivative::Refuse };

    fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let y = t[0].exp();
        let mut saved = vec![t[0].shallow_clone(), y.shallow_clone()];
        if !RECORDED {
            saved.push(&t[0] * 2.0);
        }
        Ok(Forward { outputs: vec![y, t[0].copy()], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        if self.fail {
            return Err("refused".into());
        }
        Ok(vec![grads[0].as_ref().map(|g| g * &saved[1])])
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// All ways in which a node ends: used, kept and used again, never used, failed, differentiated twice, refused at once.
fn round(x: &Tensor, witness: &Arc<()>) {
    let first = |op_output: Vec<Tensor>| op_output[0].sum(Kind::Double);
    let plain = || Exp::<false>::new(false, witness);
    let recorded = || Exp::<true>::new(false, witness);
    let run = |y: &Tensor, keep, create| Tensor::f_run_backward(&[y], &[x], keep, create);

    let y = first(apply(plain(), &[x]).unwrap());
    run(&y, true, false).unwrap();
    run(&y, false, false).unwrap();
    assert!(run(&y, false, false).is_err());

    drop(apply(plain(), &[x]).unwrap());
    drop(apply(plain(), &[&x.detach()]).unwrap());
    assert!(run(&first(apply(Exp::<false>::new(true, witness), &[x]).unwrap()), false, false).is_err());

    let g = run(&first(apply(recorded(), &[x]).unwrap()), true, true).unwrap().remove(0);
    run(&g.sum(Kind::Double), false, false).unwrap();
    let g = run(&first(apply(plain(), &[x]).unwrap()), true, true).unwrap().remove(0);
    assert!(run(&g.sum(Kind::Double), false, false).is_err());
    assert!(apply(recorded(), &[x, &Tensor::new()]).is_err());

    let mut chain = x.shallow_clone();
    for _ in 0..3 {
        chain = apply(recorded(), &[&(chain * 0.1)]).unwrap().remove(0);
    }
    run(&chain.sum(Kind::Double), false, false).unwrap();
}

#[test]
fn memory_does_not_grow() {
    let witness = Arc::new(());
    for (entries, rounds, limit) in [(100_000, 40, 16 << 20), (1, 1500, 6 << 20)] {
        let x = (Tensor::ones([entries], (Kind::Double, Device::Cpu)) * 0.1).set_requires_grad(true);
        for _ in 0..20 {
            round(&x, &witness);
        }
        let before = resident_bytes();
        for _ in 0..rounds {
            round(&x, &witness);
        }
        let grown = resident_bytes().saturating_sub(before);
        println!("{entries} entries, {rounds} rounds: grown by {grown} bytes");
        // One lost tensor of the large size per round would be 32 MB, one lost kilobyte per node of the small size 16 MB.
        assert!(grown < limit, "{grown} bytes more after {rounds} rounds with {entries} entries");
    }
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0, "every operation is dropped exactly once");
    assert_eq!(Arc::strong_count(&witness), 1);
}
