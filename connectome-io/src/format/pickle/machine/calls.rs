//! What calls and states mean.

use std::borrow::Cow;

use super::super::{Global, Node, Slot, numpy};
use super::{Machine, brief};
use crate::format::pt;
use crate::{Array, ArrayData, Error};

/// Arguments that a call may have; none of the list takes more.
const MAX_ARGUMENTS: usize = 64;

impl Machine<'_, '_> {
    pub(super) fn global(&self, module: &str, name: &str) -> Result<Global, Error> {
        let unknown = || self.unsupported(format!("the name `{}.{}`", brief(module), brief(name)));
        Global::find(module, name, self.torch).ok_or_else(unknown)
    }

    /// A copy of the arguments of a call, which may change the objects.
    pub(crate) fn arguments(&self, args: &[Slot]) -> Result<Vec<Slot>, Error> {
        if args.len() > MAX_ARGUMENTS {
            return Err(self.malformed(format!("a call with {} arguments", args.len())));
        }
        Ok(args.to_vec())
    }

    /// The result of a function of the list.
    pub(crate) fn call(&mut self, function: Global, args: &[Slot]) -> Result<Slot, Error> {
        let bad = |machine: &Self| machine.malformed(format!("{function:?} is called with odd arguments"));
        let node = match (function, args) {
            (Global::OrderedDict, []) => Node::Dict(Vec::new()),
            (Global::OrderedDict, [items]) => {
                let items = self.items(*items).ok_or_else(|| bad(self))?;
                self.budget.fits(size_of::<(Slot, Slot)>() * items.len())?;
                let mut entries = Vec::with_capacity(items.len());
                for &pair in items {
                    let Some(&[key, value]) = self.items(pair) else { return Err(bad(self)) };
                    self.check_key(key)?;
                    entries.push((key, value));
                }
                self.charge(entries.len())?;
                Node::Dict(entries)
            }
            (Global::Set, []) => Node::Set(Vec::new()),
            (Global::Set, [items]) => {
                let items = self.items(*items).ok_or_else(|| bad(self))?;
                self.budget.fits(size_of_val(items))?;
                let items = items.to_vec();
                self.charge(items.len())?;
                Node::Set(items)
            }
            (Global::Bytes, []) => Node::Bytes(Cow::default()),
            (Global::Bytes, [bytes]) => {
                let bytes = self.bytes(*bytes).ok_or_else(|| bad(self))?;
                self.budget.fits(bytes.len())?;
                let bytes = bytes.to_vec();
                self.charge(bytes.len())?;
                Node::Bytes(bytes.into())
            }
            (Global::Bytes | Global::Encode, [text, encoding]) => {
                let latin = self.text(*encoding).is_some_and(|name| matches!(name, "latin1" | "latin-1"));
                let text = self.text(*text).filter(|_| latin).ok_or_else(|| bad(self))?;
                let size = text.chars().count();
                self.budget.fits(size)?;
                let mut bytes = Vec::with_capacity(size);
                for c in text.chars() {
                    let byte = u8::try_from(u32::from(c));
                    bytes.push(byte.map_err(|_| self.malformed("bytes are spelled with characters beyond 255"))?);
                }
                self.charge(bytes.len())?;
                Node::Bytes(bytes.into())
            }
            (Global::Complex, [re, im]) => {
                let (Some(re), Some(im)) = (float(*re), float(*im)) else { return Err(bad(self)) };
                Node::Array(Box::new(Array::new(vec![], ArrayData::C128(vec![[re, im]]))?))
            }
            (Global::NumpyScalar, &[dtype, data]) => return numpy::scalar(self, dtype, data),
            (Global::NumpyReconstruct, [class, ..]) if self.is_array_class(*class) => Node::EmptyArray,
            (Global::NumpyFromBuffer, &[data, dtype, shape, order]) => {
                let fortran = match self.text(order) {
                    Some("C") => false,
                    Some("F") => true,
                    _ => return Err(bad(self)),
                };
                Node::Array(Box::new(numpy::array(self, dtype, shape, data, fortran)?))
            }
            (Global::NumpyDtype, [code, ..]) => {
                let code = self.text(*code).filter(|code| code.len() <= 32).ok_or_else(|| bad(self))?;
                Node::NumpyDtype { code: code.into(), order: '|' }
            }
            (Global::Torch(function), args) => return pt::call(self, function, args),
            _ => return Err(bad(self)),
        };
        self.make(node)
    }

    fn is_array_class(&self, class: Slot) -> bool {
        matches!(self.node(class), Some(Node::Global(Global::NumpyArray)))
    }

    /// Applies a state to the object on top.
    pub(super) fn build(&mut self, state: Slot) -> Result<(), Error> {
        let Slot::Node(place) = self.top()? else {
            return Err(self.malformed("a number is given a state"));
        };
        let place = place.get() as usize;
        let node = match &self.nodes[place] {
            // Attributes such as the `_metadata` of a `state_dict` are no entries.
            Node::Dict(_) => return Ok(()),
            Node::NumpyDtype { code, .. } => {
                let code = code.clone();
                Node::NumpyDtype { code, order: numpy::byte_order(self, state)? }
            }
            Node::EmptyArray => match self.items(state) {
                Some(&[_, shape, dtype, Slot::Bool(fortran), data]) => {
                    Node::Array(Box::new(numpy::array(self, dtype, shape, data, fortran)?))
                }
                _ => return Err(self.malformed("the state of an array is odd")),
            },
            _ => return Err(self.unsupported("an object with a state".to_owned())),
        };
        self.budget.claim(node.heap())?;
        self.budget.release(self.nodes[place].heap());
        self.nodes[place] = node;
        Ok(())
    }
}

fn float(slot: Slot) -> Option<f64> {
    match slot {
        Slot::Float(number) => Some(number.get()),
        Slot::Int(number) => Some(number.get() as f64),
        _ => None,
    }
}
