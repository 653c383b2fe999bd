//! The operations on tensors of a CUDA device.

use super::gpu::{Kernel, Kernels, THREADS, kernels};
use super::schedule::Schedule;
use super::variant::Variant;
use crate::device::Phi;
use crate::pattern::Layout;
use crate::{Error, Real};
use std::ffi::c_void;
use tch::{Device, Kind, Tensor};

/// Blocks along the batch, at most: a limit of CUDA.
const TILES: usize = 65_535;

/// Pointers to the arguments of a kernel.
macro_rules! arguments {
    ($($name:ident),*) => { &mut [$((&raw mut $name).cast::<c_void>()),*] };
}

/// Where the entries of a matrix lie, on a device.
pub(crate) struct Matrix {
    n_rows: usize,
    n_entries: usize,
    n_items: u32,
    n_long: u32,
    n_giants: u32,
    n_slots: u32,
    /// `[items, 4]`
    items: Tensor,
    /// `[giants, 4]`
    giants: Tensor,
    /// `[entries]`
    columns: Tensor,
}

/// What makes the right-hand side of a network of a product; the tensors are contiguous, of one kind and device, and fit.
pub(crate) struct RateOf<'a> {
    pub(crate) scale: Option<&'a Tensor>,
    pub(crate) drive: Option<&'a Tensor>,
    pub(crate) bias: Option<&'a Tensor>,
    pub(crate) tau: &'a Tensor,
    pub(crate) phi: Phi,
}

/// `Rate` in `kernels.cu`.
#[repr(C)]
struct RateArgument {
    drive: *const c_void,
    bias: *const c_void,
    tau: *const c_void,
    h: *const c_void,
    dy: *mut c_void,
    batch: u32,
    phi: u32,
}

/// Stages that one launch adds up, at most.
const STAGES: usize = 8;

/// `Stages` in `kernels.cu`.
#[repr(C)]
struct StagesArgument<T> {
    k: [*const c_void; STAGES],
    weight: [T; STAGES],
    n: u32,
}

fn address(tensor: &Tensor) -> *mut c_void {
    tensor.data_ptr()
}

fn address_of(tensor: Option<&Tensor>) -> *const c_void {
    tensor.map_or(std::ptr::null(), |tensor| address(tensor).cast_const())
}

/// Four numbers each, as a tensor on the device; the kernels take the signed ones for unsigned.
fn upload(list: &[[u32; 4]], device: Device) -> Result<Tensor, Error> {
    let numbers: Vec<i32> = list.as_flattened().iter().map(|&n| n.cast_signed()).collect();
    Ok(Tensor::f_from_slice(&numbers)?.f_to_device(device)?)
}

impl Matrix {
    /// The matrix of a layout whose columns, `[entries]` of kind Int, are on the device already. Nothing where the kernels cannot
    /// count its entries.
    pub(crate) fn new(layout: &Layout, columns: &Tensor) -> Result<Option<Self>, Error> {
        if i32::try_from(layout.n_entries()).is_err() || columns.kind() != Kind::Int {
            return Ok(None);
        }
        let Schedule { items, n_long, giants, n_slots } = Schedule::new(layout.row_ptr());
        let device = columns.device();
        Ok(Some(Self {
            n_rows: layout.n_rows(),
            n_entries: layout.n_entries(),
            n_items: items.len() as u32,
            n_long,
            n_giants: giants.len() as u32,
            n_slots,
            items: upload(&items, device)?,
            giants: upload(&giants, device)?,
            columns: columns.shallow_clone(),
        }))
    }

    /// Kernels for this kind and batch; nothing where there are none, or nothing to compute.
    fn kernels(&self, dense: &[&Tensor]) -> Option<(Kernels, usize)> {
        let (first, size) = (dense[0], dense[0].size());
        let batch = usize::try_from(size[1]).ok().filter(|&batch| batch > 0 && self.n_items > 0)?;
        let variant = Variant::new(first.kind(), batch, dense);
        if batch.div_ceil(variant.tile() as usize) > TILES {
            return None;
        }
        kernels(first.device(), variant).map(|kernels| (kernels, batch))
    }

    /// Lanes of a group, and blocks for all items.
    fn shape(&self, variant: Variant) -> (u32, u32) {
        let width = variant.width(self.n_entries / self.n_rows.max(1));
        (width, self.n_long + (self.n_items - self.n_long).div_ceil(THREADS / width))
    }

    /// Room for the sums of parts of rows.
    fn partial(&self, batch: usize, like: &Tensor) -> Result<Tensor, Error> {
        Ok(Tensor::f_empty([i64::from(self.n_slots), batch as i64], (like.kind(), like.device()))?)
    }

    /// Blocks of a kernel with a thread for each giant row and pack of its columns.
    fn giant_blocks(&self, variant: Variant, batch: usize) -> Result<u32, Error> {
        blocks(u64::from(self.n_giants) * (batch as u64 / u64::from(variant.vec)))
    }

    /// `A X`. `values` `[entries]` and `x` `[columns, batch]` are contiguous, of one kind and on the matrix's device. Nothing where
    /// there are no kernels for it.
    pub(crate) fn product(&self, values: &Tensor, x: &Tensor) -> Result<Option<Tensor>, Error> {
        let Some((kernels, n)) = self.kernels(&[x]) else {
            return Ok(None);
        };
        let result = Tensor::f_empty([self.n_rows as i64, n as i64], (x.kind(), x.device()))?;
        let sums = self.partial(n, x)?;
        let variant = kernels.variant();
        let (mut width, blocks) = self.shape(variant);
        let (mut items, mut columns, mut values, mut x) =
            (address(&self.items), address(&self.columns), address(values), address(x));
        let (mut n_long, mut n_items, mut batch) = (self.n_long, self.n_items, n as u32);
        let (mut partial, mut y) = (address(&sums), address(&result));
        let grid = (blocks, batch.div_ceil(variant.tile()));
        // SAFETY: types and order of the kernel's declaration. The schedule covers the layout, which is valid by construction;
        // the tensors have the sizes above and are contiguous; the result and the partial sums are new.
        unsafe {
            kernels.launch(
                Kernel::Product,
                grid,
                arguments![items, n_long, n_items, width, columns, values, x, batch, partial, y],
            )?;
        }
        if self.n_giants > 0 {
            let (mut giants, mut n_giants) = (address(&self.giants), self.n_giants);
            let grid = (self.giant_blocks(variant, n)?, 1);
            // SAFETY: as above; the partial sums were all written by the kernel before.
            unsafe {
                kernels.launch(Kernel::ProductGiants, grid, arguments![giants, n_giants, partial, batch, y])?;
            }
        }
        Ok(Some(result))
    }

    /// `(relu(phi(A (scale h) + drive + bias)) - h) / tau` for a square matrix and `h` `[rows, batch]`, as [`product`](Self::product).
    pub(crate) fn rate(&self, values: &Tensor, of: &RateOf<'_>, h: &Tensor) -> Result<Option<Tensor>, Error> {
        let Some((kernels, n)) = self.kernels(&[h, of.drive.unwrap_or(h)]) else {
            return Ok(None);
        };
        let result = Tensor::f_empty(h.size(), (h.kind(), h.device()))?;
        let sums = self.partial(n, h)?;
        let variant = kernels.variant();
        let (mut width, blocks) = self.shape(variant);
        let (mut items, mut columns, mut values) = (address(&self.items), address(&self.columns), address(values));
        let (mut n_long, mut n_items, mut batch) = (self.n_long, self.n_items, n as u32);
        let (mut scale, mut partial) = (address_of(of.scale), address(&sums));
        let mut to = RateArgument {
            drive: address_of(of.drive),
            bias: address_of(of.bias),
            tau: address(of.tau),
            h: address(h),
            dy: address(&result),
            batch,
            phi: of.phi as u32,
        };
        let grid = (blocks, batch.div_ceil(variant.tile()));
        // SAFETY: as for the product; null stands for what is not given.
        unsafe {
            kernels.launch(
                Kernel::Rate,
                grid,
                arguments![items, n_long, n_items, width, columns, values, scale, batch, partial, to],
            )?;
        }
        if self.n_giants > 0 {
            let (mut giants, mut n_giants) = (address(&self.giants), self.n_giants);
            let grid = (self.giant_blocks(variant, n)?, 1);
            // SAFETY: as for the product.
            unsafe {
                kernels.launch(Kernel::RateGiants, grid, arguments![giants, n_giants, partial, batch, to])?;
            }
        }
        Ok(Some(result))
    }

    /// The sampled product of `left` `[rows, batch]` and `right` `[columns, batch]`, as [`product`](Self::product).
    pub(crate) fn sampled(&self, left: &Tensor, right: &Tensor) -> Result<Option<Tensor>, Error> {
        let Some((kernels, n)) = self.kernels(&[left, right]) else {
            return Ok(None);
        };
        let result = Tensor::f_empty([self.n_entries as i64], (left.kind(), left.device()))?;
        let (mut width, blocks) = self.shape(kernels.variant());
        let (mut items, mut columns) = (address(&self.items), address(&self.columns));
        let (mut n_long, mut n_items, mut batch) = (self.n_long, self.n_items, n as u32);
        let (mut left, mut right, mut out) = (address(left), address(right), address(&result));
        // SAFETY: as for the product; every entry is in one item, which writes it.
        unsafe {
            kernels.launch(
                Kernel::Sampled,
                (blocks, 1),
                arguments![items, n_long, n_items, width, columns, left, right, batch, out],
            )?;
        }
        Ok(Some(result))
    }
}

/// Blocks for so many threads.
fn blocks(threads: u64) -> Result<u32, Error> {
    let blocks = threads.div_ceil(u64::from(THREADS));
    i32::try_from(blocks).map(i32::cast_unsigned).map_err(|_| Error::Cuda {
        doing: "launching a kernel",
        reason: format!("{blocks} blocks are more than the 2,147,483,647 that CUDA takes"),
    })
}

/// `y + dt * sum over j of weight_j k_j`, with `dt` `[batch]` and all others `[features, batch]`, contiguous, of one kind and on
/// one device. Nothing where there are no kernels for it.
pub(crate) fn combine(y: &Tensor, dt: &Tensor, stages: &[(f64, &Tensor)]) -> Result<Option<Tensor>, Error> {
    if y.kind() == Kind::Float { combine_of::<f32>(y, dt, stages) } else { combine_of::<f64>(y, dt, stages) }
}

fn combine_of<T: Real>(y: &Tensor, dt: &Tensor, stages: &[(f64, &Tensor)]) -> Result<Option<Tensor>, Error> {
    if y.numel() == 0 || stages.is_empty() {
        return Ok(None);
    }
    let n = y.size()[1] as usize;
    let dense: Vec<&Tensor> = stages.iter().map(|stage| stage.1).chain([y]).collect();
    let variant = Variant::new(y.kind(), n, &dense);
    let Some(kernels) = kernels(y.device(), variant) else {
        return Ok(None);
    };
    let Ok(mut batch) = u32::try_from(n) else {
        return Ok(None);
    };
    let mut n_packs = y.numel() as u64 / u64::from(variant.vec);
    let grid = (blocks(n_packs)?, 1);
    let mut done = y.shallow_clone();
    for stages in stages.chunks(STAGES) {
        let result = Tensor::f_empty(y.size(), (y.kind(), y.device()))?;
        let mut of =
            StagesArgument { k: [std::ptr::null(); STAGES], weight: [T::ZERO; STAGES], n: stages.len() as u32 };
        for (at, (weight, k)) in stages.iter().enumerate() {
            (of.k[at], of.weight[at]) = (address(k).cast_const(), T::from_f64(*weight));
        }
        let (mut from, mut steps, mut out) = (address(&done), address(dt), address(&result));
        // SAFETY: types and order of the kernel's declaration; tensors of one size, contiguous, `dt` with a number for each column;
        // the result is new.
        unsafe {
            kernels.launch(Kernel::Combine, grid, arguments![from, steps, of, batch, n_packs, out])?;
        }
        done = result;
    }
    Ok(Some(done))
}
