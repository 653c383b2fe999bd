//! Scalars, element types and arrays of NumPy inside pickles.

use super::{Machine, Node, Slot};
use crate::array::count_of;
use crate::format::npy::{Descr, parse_descr};
use crate::{Array, ArrayData, Dtype, Error};

/// Dimensions that an array may have.
const MAX_DIMS: usize = 64;

/// The byte order in the state of an element type: `(version, order, subtype, names, ...)`.
pub(super) fn byte_order(machine: &Machine<'_, '_>, state: Slot) -> Result<char, Error> {
    match machine.items(state) {
        Some(&[_, order, Slot::None, Slot::None, ..]) => {
            let order = machine.text(order).and_then(|order| order.chars().next()).filter(|c| "<>|=".contains(*c));
            order.ok_or_else(|| machine.malformed("the byte order of an element type is none"))
        }
        Some(&[_, _, _, _, ..]) => Err(machine.unsupported("an array of structures".to_owned())),
        _ => Err(machine.malformed("the state of an element type is odd")),
    }
}

/// An element type, with its byte order before it as in the headers of `.npy` files.
fn descr(machine: &Machine<'_, '_>, dtype: Slot) -> Result<String, Error> {
    match machine.node(dtype) {
        Some(Node::NumpyDtype { code, order }) => {
            // `=` is the order of the machine that wrote, and all that is left are little-endian.
            Ok(format!("{}{code}", if *order == '=' { '<' } else { *order }))
        }
        _ => Err(machine.malformed("an array or scalar without element type")),
    }
}

/// A number, truth value or text of NumPy.
pub(super) fn scalar(machine: &mut Machine<'_, '_>, dtype: Slot, data: Slot) -> Result<Slot, Error> {
    let descr = descr(machine, dtype)?;
    let no_bytes = || machine.malformed("a scalar of NumPy without bytes");
    let bytes = machine.bytes(data).ok_or_else(no_bytes)?;
    let (dtype, big_endian) = match parse_descr(&descr) {
        Descr::Number { dtype, big_endian } => (dtype, big_endian),
        Descr::Text => {
            let decode = |c: &[u8; 4]| {
                let code = if descr.starts_with('>') { u32::from_be_bytes(*c) } else { u32::from_le_bytes(*c) };
                char::from_u32(code)
            };
            let (codes, rest) = bytes.as_chunks::<4>();
            let size = codes.iter().map(|code| decode(code).map(char::len_utf8)).sum::<Option<usize>>();
            let size = size.filter(|_| rest.is_empty()).ok_or_else(|| machine.malformed("a text is not UTF-32"))?;
            machine.budget().fits(size)?;
            let mut text = String::with_capacity(size);
            text.extend(codes.iter().filter_map(decode));
            text.truncate(text.trim_end_matches('\0').len());
            machine.charge(size)?;
            return machine.make(Node::Text(text.into()));
        }
        _ => return Err(machine.unsupported(format!("a scalar of type {descr:?}"))),
    };
    if bytes.len() != dtype.size() {
        return Err(machine.malformed(format!("{} bytes for a scalar of {}", bytes.len(), dtype.size())));
    }
    let mut element = ArrayData::with_capacity(dtype, 1);
    element.extend_from_bytes(bytes, big_endian);
    let array = Array::new(vec![], element)?;
    Ok(match (dtype, array.data()) {
        (Dtype::Bool, _) => Slot::Bool(bytes[0] != 0),
        (_, ArrayData::U64(v)) => match i64::try_from(v[0]) {
            Ok(number) => Slot::int(number),
            Err(_) => {
                let digits = v[0].to_string();
                machine.make(Node::BigInt(digits))?
            }
        },
        (Dtype::C64 | Dtype::C128, _) => machine.make(Node::Array(Box::new(array)))?,
        _ => match array.to_i64() {
            Ok(v) => Slot::int(v[0]),
            Err(_) => Slot::float(array.to_f64()?[0]),
        },
    })
}

/// An array of numbers.
pub(super) fn array(
    machine: &mut Machine<'_, '_>,
    dtype: Slot,
    shape: Slot,
    data: Slot,
    fortran: bool,
) -> Result<Array, Error> {
    let descr = descr(machine, dtype)?;
    let Descr::Number { dtype, big_endian } = parse_descr(&descr) else {
        return Err(machine.unsupported(format!("an array of elements of type {descr:?}")));
    };
    let shape = machine.items(shape).filter(|items| items.len() <= MAX_DIMS).and_then(|items| {
        let length = |&slot: &Slot| if let Slot::Int(n) = slot { usize::try_from(n.get()).ok() } else { None };
        items.iter().map(length).collect::<Option<Vec<usize>>>()
    });
    let no_shape = || machine.malformed(format!("the shape of an array is no tuple of at most {MAX_DIMS} lengths"));
    let mut shape = shape.ok_or_else(no_shape)?;
    let overflow = || Error::Overflow { at: machine.place(), what: "size of shape", text: format!("{shape:?}") };
    let want = count_of(&shape).and_then(|n| n.checked_mul(dtype.size())).ok_or_else(overflow)?;
    let bytes = machine.bytes(data).ok_or_else(|| machine.malformed("an array without bytes"))?;
    if bytes.len() != want {
        return Err(machine.malformed(format!("{} bytes for an array of {want}", bytes.len())));
    }
    if dtype == Dtype::Bool
        && let Some(bad) = bytes.iter().find(|&&b| b > 1)
    {
        return Err(machine.malformed(format!("{bad} is no truth value, which are 0 and 1")));
    }
    // To turn an array round takes it twice.
    machine.budget().fits(want * (1 + usize::from(fortran)))?;
    let mut elements = ArrayData::with_capacity(dtype, want / dtype.size());
    elements.extend_from_bytes(bytes, big_endian);
    machine.charge(want)?;
    if fortran {
        shape.reverse();
        return Ok(Array::new(shape, elements)?.transpose());
    }
    Array::new(shape, elements)
}
