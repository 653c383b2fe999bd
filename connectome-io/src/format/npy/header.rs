//! The header of a `.npy` file: a Python dictionary with `descr`, `fortran_order` and `shape`.

use std::io::Read;

use super::literal::Literal;
use super::{MAGIC, read_up_to};
use crate::options::Limits;
use crate::source::explain;
use crate::{Array, Dtype, Error, Location};

/// Dimensions of NumPy's arrays, at most.
const MAX_DIMENSIONS: usize = 64;

/// Type of the elements as the header states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Descr {
    /// A number.
    Number {
        /// Its type.
        dtype: Dtype,
        /// Byte order.
        big_endian: bool,
    },
    /// Fixed-length byte strings.
    Bytes,
    /// Fixed-length text.
    Text,
    /// Anything else, as the header spells it.
    Other(String),
}

/// A parsed header.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) descr: Descr,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<u64>,
    /// Where the data begin.
    pub(crate) end: u64,
}

impl Header {
    /// Reads magic, version, length and dictionary.
    pub(crate) fn read(
        reader: &mut dyn Read,
        available: Option<u64>,
        at: &Location,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut start = [0; 12];
        let got = read_up_to(reader, &mut start[..8]).map_err(|e| explain(at, e))?;
        if got == 0 {
            return Err(Error::Empty { at: at.boxed(), what: "bytes" });
        }
        if start[..got.min(6)] != MAGIC[..got.min(6)] {
            let problem = "does not start with \\x93NUMPY".to_owned();
            return Err(Error::Malformed { at: at.byte(0), problem });
        }
        if got < 8 {
            return Err(Error::Truncated { at: at.byte(0), what: "the header", needed: 10, available: got as u64 });
        }
        let wide = match start[6] {
            1 => false,
            2 | 3 => true,
            version => {
                let what = format!(".npy version {version}");
                let remedy = "save it again with numpy.save, which writes version 1, 2 or 3";
                return Err(Error::Unsupported { at: at.byte(6), what, remedy });
            }
        };
        let width = if wide { 4 } else { 2 };
        let prefix = 8 + width;
        let got = read_up_to(reader, &mut start[8..prefix]).map_err(|e| explain(at, e))?;
        if got < width {
            let available = 8 + got as u64;
            return Err(Error::Truncated { at: at.byte(8), what: "the header", needed: prefix as u64, available });
        }
        let length = if wide {
            u64::from(u32::from_le_bytes([start[8], start[9], start[10], start[11]]))
        } else {
            u64::from(u16::from_le_bytes([start[8], start[9]]))
        };
        let end = prefix as u64 + length;
        if length > limits.npy_header {
            return Err(Error::TooLarge {
                at: at.byte(8),
                what: "the header",
                size: length,
                limit: limits.npy_header,
                remedy: "if the file is trusted, raise `ReadOptions::limits.npy_header`",
            });
        }
        if let Some(available) = available
            && end > available
        {
            return Err(Error::Truncated { at: at.byte(8), what: "the header", needed: end, available });
        }
        // At most the cap above, 64 KiB unless someone raised it.
        let mut text = vec![0; length as usize];
        let got = read_up_to(reader, &mut text).map_err(|e| explain(at, e))?;
        if got < text.len() {
            let available = (prefix + got) as u64;
            return Err(Error::Truncated { at: at.byte(8), what: "the header", needed: end, available });
        }
        let parsed = Literal::parse(&text)
            .map_err(|(byte, problem)| Error::Malformed { at: at.byte((prefix + byte) as u64), problem })?;
        Self::from_literal(parsed, end).map_err(|problem| Error::Malformed { at: at.byte(prefix as u64), problem })
    }

    fn from_literal(literal: Literal, end: u64) -> Result<Self, String> {
        let Literal::Dict(entries) = literal else {
            return Err("the header is no dictionary".to_owned());
        };
        let (mut descr, mut order, mut shape) = (None, None, None);
        for (key, value) in entries {
            let repeated = match key.as_str() {
                "descr" => descr.replace(value).is_some(),
                "fortran_order" => order.replace(value).is_some(),
                "shape" => shape.replace(value).is_some(),
                _ => return Err(format!("unknown key {key:?} in the header")),
            };
            if repeated {
                return Err(format!("the key {key:?} stands twice in the header"));
            }
        }
        let descr = match descr {
            Some(Literal::Text(text)) => parse_descr(&text),
            Some(Literal::Sequence(_)) => Descr::Other("structured type".to_owned()),
            _ => return Err("no `descr` in the header, or it is no text".to_owned()),
        };
        let Some(Literal::Bool(fortran_order)) = order else {
            return Err("no `fortran_order` in the header, or it is neither True nor False".to_owned());
        };
        let Some(Literal::Sequence(items)) = shape else {
            return Err("no `shape` in the header, or it is no tuple".to_owned());
        };
        if items.len() > MAX_DIMENSIONS {
            return Err(format!("`shape` has {} dimensions, NumPy's arrays at most {MAX_DIMENSIONS}", items.len()));
        }
        let shape = items
            .into_iter()
            .map(|item| if let Literal::Int(n) = item { Ok(n) } else { Err("`shape` is no tuple of whole numbers") })
            .collect::<Result<_, _>>()?;
        Ok(Self { descr, fortran_order, shape, end })
    }

    /// The refusal of a type that is no number.
    pub(crate) fn unsupported(&self, at: &Location) -> Error {
        let (what, remedy) = match &self.descr {
            Descr::Other(descr) if descr.contains('O') => (
                "an object array, which is a pickled program,".to_owned(),
                "convert it to numbers with numpy and save it with allow_pickle=False",
            ),
            Descr::Other(descr) => {
                (format!("elements of type {descr:?}"), "save each field as an array of numbers of its own")
            }
            _ => ("an array of text".to_owned(), "save codes as integers, and names in a .csv"),
        };
        Error::Unsupported { at: at.boxed(), what, remedy }
    }
}

/// The element type of a `descr` such as `<f8`.
pub(crate) fn parse_descr(text: &str) -> Descr {
    let (big_endian, rest) = match text.as_bytes().first() {
        Some(b'<' | b'|') => (false, &text[1..]),
        Some(b'>') => (true, &text[1..]),
        Some(b'=') => (cfg!(target_endian = "big"), &text[1..]),
        _ => (false, text),
    };
    let dtype = match rest {
        "b1" | "?" => Dtype::Bool,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        "c8" => Dtype::C64,
        "c16" => Dtype::C128,
        _ if rest.starts_with('S') => return Descr::Bytes,
        _ if rest.starts_with('U') => return Descr::Text,
        _ => return Descr::Other(text.to_owned()),
    };
    Descr::Number { dtype, big_endian }
}

/// The header that NumPy writes for the array: version 1, padded so that the data begin at a multiple of 64.
pub(crate) fn encode(array: &Array) -> Result<Vec<u8>, Error> {
    let descr = match array.dtype() {
        Dtype::Bool => "|b1",
        Dtype::I8 => "|i1",
        Dtype::I16 => "<i2",
        Dtype::I32 => "<i4",
        Dtype::I64 => "<i8",
        Dtype::U8 => "|u1",
        Dtype::U16 => "<u2",
        Dtype::U32 => "<u4",
        Dtype::U64 => "<u8",
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::C64 => "<c8",
        Dtype::C128 => "<c16",
        Dtype::Bf16 => {
            return Err(Error::Unsupported {
                at: Location::memory().key("array"),
                what: "brain floats as .npy".to_owned(),
                remedy: "convert to f32, or write .safetensors",
            });
        }
    };
    let mut shape: String = array.shape().iter().map(|n| format!("{n}, ")).collect();
    // One element keeps its comma, "(3,)"; more lose the last one, "(3, 4)".
    shape.truncate(if array.shape().len() == 1 { shape.len() - 1 } else { shape.len().saturating_sub(2) });
    Ok(encode_literal(descr, &shape))
}

/// The bytes of a single text of ASCII letters, as numpy's type `S`.
pub(crate) fn encode_text(text: &str) -> Vec<u8> {
    let mut bytes = encode_literal(&format!("|S{}", text.len()), "");
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn encode_literal(descr: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let prefix = if text.len() + 64 < usize::from(u16::MAX) { 10 } else { 12 };
    let padding = 63 - (prefix + text.len()) % 64;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    if prefix == 10 {
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    } else {
        bytes.extend_from_slice(&[2, 0]);
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
