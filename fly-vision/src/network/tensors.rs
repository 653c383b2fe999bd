//! A run by operations of libtorch: for other devices, and to compare with.

use tch::Tensor;
use tch_sparse::spmm;

use super::engine::csr::Csr;
use super::model::{Compat, Network, index};
use super::run::{Checked, Response};
use crate::Error;

impl Network {
    pub(super) fn run_by_tensors(
        &self,
        csr: &Csr,
        run: &Checked,
        dt: f64,
        records: &[Vec<u32>; 2],
    ) -> Result<Response, Error> {
        let (kind, device) = (self.kind(), self.device());
        let wiring = &self.wiring;
        let (slot, group) = csr.edges();
        let n_entries = csr.pattern().n_entries() as i64;
        let per_edge = self.group_weights()?.f_index_select(0, &index(group, device))?;
        let values = Tensor::f_zeros([n_entries], (kind, device))?.f_index_add(0, &index(slot, device), &per_edge)?;

        let types = index(wiring.cell_types(), device);
        let per_cell = |t: &Tensor| -> Result<Tensor, Error> { Ok(t.f_index_select(0, &types)?.f_unsqueeze(1)?) };
        let bias = per_cell(&self.parameters.bias)?;
        let floor = match self.compat {
            Compat::Flyvis => f64::from(dt as f32),
            Compat::None => dt,
        };
        let floor = Tensor::f_full([1], floor, (kind, device))?;
        let gain = per_cell(&self.parameters.time_constant.f_maximum(&floor)?.f_reciprocal()?)?.f_mul_scalar(dt)?;

        let (cells, columns): (Vec<u32>, Vec<u32>) = wiring.inputs().iter().copied().unzip();
        let (cells, columns) = (index(&cells, device), index(&columns, device));
        let held: Vec<(Tensor, f64)> = self.held.iter().map(|&(cell, value)| (index(&[cell], device), value)).collect();
        let hold = |v: Tensor| -> Result<Tensor, Error> {
            let mut v = v;
            for (cell, value) in &held {
                v = v.f_index_fill(0, cell, *value)?;
            }
            Ok(v)
        };
        let records = records.each_ref().map(|record| index(record, device));
        let n = wiring.n_cells() as i64;
        let batch = run.batch as i64;
        let mut v = match &run.start {
            Some(start) => start.f_tr()?,
            None => bias.f_expand([n, batch], false)?,
        };
        v = hold(v)?;
        let mut recorded = [(); 2].map(|()| Vec::with_capacity(run.frames));
        for frame in 0..run.frames as i64 {
            let f = self.activation().apply_tensor(&v)?.f_contiguous()?;
            let mut input = spmm(csr.pattern(), &values, &f)?;
            if let Some(shown) = &run.shown {
                let x = shown.f_select(1, frame)?.f_tr()?;
                input = if run.by_cell {
                    input.f_add(&x)?
                } else {
                    input.f_index_add(0, &cells, &x.f_index_select(0, &columns)?)?
                };
            }
            let change = bias.f_add(&input)?.f_sub(&v)?;
            v = hold(v.f_add(&gain.f_mul(&change)?)?)?;
            for (frames, record) in recorded.iter_mut().zip(&records) {
                frames.push(v.f_index_select(0, record)?.f_tr()?);
            }
        }
        let stacked = |frames: &[Tensor], record: &Tensor| match frames {
            [] => Tensor::f_zeros([batch, 0, record.size()[0]], (kind, device)),
            frames => Tensor::f_stack(frames, 1),
        };
        let [activity, also] = [0, 1].map(|i| stacked(&recorded[i], &records[i]));
        Ok(Response { activity: activity?, also: also?, last: v.f_tr()?.f_contiguous()? })
    }
}
