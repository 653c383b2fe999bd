//! Numeric arrays of any number of dimensions, as files hold them.

use half::{bf16, f16};

use crate::memory::with_room;
use crate::{Error, Location};

/// A numeric array in C order: the last index runs fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    data: ArrayData,
}

mod sealed {
    pub trait Sealed {}
}

/// A type that an [`Array`] can hold.
pub trait Element: Copy + sealed::Sealed {
    /// Its tag.
    const DTYPE: Dtype;
    /// Wraps a vector.
    fn wrap(data: Vec<Self>) -> ArrayData;
    /// The elements, if the data are of this type.
    fn slice(data: &ArrayData) -> Option<&[Self]>;
    /// The elements, if the data are of this type; the data back otherwise.
    ///
    /// # Errors
    /// The data, unchanged.
    fn unwrap(data: ArrayData) -> Result<Vec<Self>, ArrayData>;
}

/// How the bytes of one element lie in a file.
pub(crate) trait Bytes: Sized {
    /// Reads `bytes`, which has the size of the element.
    fn read(bytes: &[u8], big_endian: bool) -> Self;
    /// Appends the element, little-endian.
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! number_bytes {
    ($($t:ty),*) => {$(
        impl Bytes for $t {
            #[inline]
            fn read(bytes: &[u8], big_endian: bool) -> Self {
                let mut raw = [0; size_of::<Self>()];
                raw.copy_from_slice(bytes);
                if big_endian { Self::from_be_bytes(raw) } else { Self::from_le_bytes(raw) }
            }
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
number_bytes!(i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64);

impl Bytes for bool {
    #[inline]
    fn read(bytes: &[u8], _: bool) -> Self {
        bytes[0] != 0
    }
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl<T: Bytes> Bytes for [T; 2] {
    #[inline]
    fn read(bytes: &[u8], big_endian: bool) -> Self {
        let (re, im) = bytes.split_at(bytes.len() / 2);
        [T::read(re, big_endian), T::read(im, big_endian)]
    }
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        self[0].write(out);
        self[1].write(out);
    }
}

macro_rules! dtypes {
    ($($name:ident, $t:ty, $size:literal, $doc:literal;)*) => {
        /// Type of the elements of an [`Array`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Dtype { $(#[doc = $doc] $name),* }

        /// The elements of an [`Array`].
        #[derive(Debug, Clone, PartialEq)]
        pub enum ArrayData { $(#[doc = $doc] $name(Vec<$t>)),* }

        impl Dtype {
            /// Bytes per element.
            #[must_use]
            pub fn size(self) -> usize {
                match self { $(Self::$name => $size),* }
            }
        }

        impl ArrayData {
            /// Type of the elements.
            #[must_use]
            pub fn dtype(&self) -> Dtype {
                match self { $(Self::$name(_) => Dtype::$name),* }
            }

            /// Number of elements.
            #[must_use]
            pub fn len(&self) -> usize {
                match self { $(Self::$name(v) => v.len()),* }
            }

            /// An empty vector of a type, with room for `capacity` elements.
            pub(crate) fn with_capacity(dtype: Dtype, capacity: usize) -> Self {
                match dtype { $(Dtype::$name => Self::$name(with_room(capacity))),* }
            }

            /// Appends elements; `bytes` holds a whole number of them.
            pub(crate) fn extend_from_bytes(&mut self, bytes: &[u8], big_endian: bool) {
                match self {
                    $(Self::$name(v) => v.extend(bytes.chunks_exact($size).map(|b| <$t as Bytes>::read(b, big_endian)))),*
                }
            }

            /// Appends the little-endian bytes of a range of elements.
            pub(crate) fn write_bytes(&self, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
                match self { $(Self::$name(v) => v[range].iter().for_each(|x| x.write(out))),* }
            }

            /// The elements at the given places, in their order.
            fn gather(&self, places: impl Iterator<Item = usize>) -> Self {
                match self { $(Self::$name(v) => Self::$name(places.map(|i| v[i]).collect())),* }
            }
        }

        $(
            impl sealed::Sealed for $t {}
            impl Element for $t {
                const DTYPE: Dtype = Dtype::$name;
                fn wrap(data: Vec<Self>) -> ArrayData {
                    ArrayData::$name(data)
                }
                fn slice(data: &ArrayData) -> Option<&[Self]> {
                    if let ArrayData::$name(v) = data { Some(v) } else { None }
                }
                fn unwrap(data: ArrayData) -> Result<Vec<Self>, ArrayData> {
                    if let ArrayData::$name(v) = data { Ok(v) } else { Err(data) }
                }
            }
            impl From<Vec<$t>> for ArrayData {
                fn from(data: Vec<$t>) -> Self {
                    Self::$name(data)
                }
            }
        )*
    };
}

dtypes! {
    Bool, bool, 1, "Truth values, one byte each.";
    I8, i8, 1, "8-bit integers.";
    I16, i16, 2, "16-bit integers.";
    I32, i32, 4, "32-bit integers.";
    I64, i64, 8, "64-bit integers.";
    U8, u8, 1, "8-bit unsigned integers.";
    U16, u16, 2, "16-bit unsigned integers.";
    U32, u32, 4, "32-bit unsigned integers.";
    U64, u64, 8, "64-bit unsigned integers.";
    F16, f16, 2, "Half-precision floating point.";
    Bf16, bf16, 2, "Brain floating point; safetensors only.";
    F32, f32, 4, "Single-precision floating point.";
    F64, f64, 8, "Double-precision floating point.";
    C64, [f32; 2], 8, "Complex numbers, `[re, im]` in single precision.";
    C128, [f64; 2], 16, "Complex numbers, `[re, im]` in double precision.";
}

impl ArrayData {
    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Number of elements of a shape; `None` if it overflows.
pub(crate) fn count_of(shape: &[usize]) -> Option<usize> {
    // A zero anywhere makes the product zero, but the other factors must still be sane.
    let nonzero = shape.iter().filter(|&&n| n != 0).try_fold(1usize, |product, &n| product.checked_mul(n))?;
    Some(if shape.contains(&0) { 0 } else { nonzero })
}

impl Array {
    /// Takes a shape (empty: a single number) and as many elements, in C order.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the numbers differ, [`Error::Overflow`] if the shape is larger than the address space.
    pub fn new(shape: Vec<usize>, data: impl Into<ArrayData>) -> Result<Self, Error> {
        let data = data.into();
        let at = || Location::memory().key("array");
        let want = count_of(&shape).ok_or_else(|| Error::Overflow {
            at: at(),
            what: "number of elements of shape",
            text: format!("{shape:?}"),
        })?;
        if data.len() != want {
            let what = "data".to_owned();
            return Err(Error::LengthMismatch {
                at: at(),
                what,
                got: data.len(),
                want,
                reason: "product of the shape",
            });
        }
        Ok(Self { shape, data })
    }

    /// An array of one dimension.
    pub fn vector(data: impl Into<ArrayData>) -> Self {
        let data = data.into();
        Self { shape: vec![data.len()], data }
    }

    /// Length of each dimension; empty for a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, in C order.
    #[must_use]
    pub fn data(&self) -> &ArrayData {
        &self.data
    }

    /// Type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.data.dtype()
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Size in memory, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.shape()) + self.len() * self.dtype().size()
    }

    /// The elements as `T`, if that is their type.
    #[must_use]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        T::slice(&self.data)
    }

    /// Shape and elements.
    #[must_use]
    pub fn into_parts(self) -> (Vec<usize>, ArrayData) {
        (self.shape, self.data)
    }

    /// All elements as f64, rounded where integers exceed 2^53.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for complex numbers.
    pub fn to_f64(&self) -> Result<Vec<f64>, Error> {
        Ok(match &self.data {
            ArrayData::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            ArrayData::I8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I64(v) => v.iter().map(|&x| x as f64).collect(),
            ArrayData::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U64(v) => v.iter().map(|&x| x as f64).collect(),
            ArrayData::F16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::Bf16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::F64(v) => v.clone(),
            ArrayData::C64(_) | ArrayData::C128(_) => {
                return Err(Error::Unsupported {
                    at: Location::memory().key("array"),
                    what: "a complex array as real numbers".to_owned(),
                    remedy: "save its real part",
                });
            }
        })
    }

    /// As [`Array::to_f64`], without a copy where the elements are f64.
    pub(crate) fn into_f64(self) -> Result<Vec<f64>, Error> {
        match self.data {
            ArrayData::F64(values) => Ok(values),
            _ => self.to_f64(),
        }
    }

    /// All elements as i64.
    ///
    /// # Errors
    /// [`Error::BadNumber`] if the array is not of integers or truth values, or if an element exceeds i64: whole
    /// numbers never pass through floating point.
    pub fn to_i64(&self) -> Result<Vec<i64>, Error> {
        Ok(match &self.data {
            ArrayData::Bool(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::I8(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::I16(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::I32(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::I64(v) => v.clone(),
            ArrayData::U8(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::U16(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::U32(v) => v.iter().map(|&x| i64::from(x)).collect(),
            ArrayData::U64(v) => v
                .iter()
                .enumerate()
                .map(|(i, &x)| {
                    i64::try_from(x).map_err(|_| Error::BadNumber {
                        at: Location::memory().key(format!("element {i}")),
                        text: x.to_string(),
                        wanted: "64-bit signed integer",
                    })
                })
                .collect::<Result<_, _>>()?,
            other => {
                return Err(Error::BadNumber {
                    at: Location::memory().key("array"),
                    text: format!("{:?}", other.dtype()),
                    wanted: "integer type",
                });
            }
        })
    }

    /// The same array with its dimensions in reverse order.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let shape: Vec<usize> = self.shape.iter().rev().copied().collect();
        let mut stride = vec![1usize; shape.len()];
        // Strides of the old array, listed in the order of the new dimensions.
        for (k, step) in stride.iter_mut().enumerate() {
            *step = self.shape[shape.len() - k..].iter().product();
        }
        let mut index = vec![0usize; shape.len()];
        let mut place = 0usize;
        let data = self.data.gather((0..self.len()).map(|_| {
            let here = place;
            for k in (0..shape.len()).rev() {
                index[k] += 1;
                place += stride[k];
                if index[k] < shape[k] {
                    break;
                }
                place -= stride[k] * shape[k];
                index[k] = 0;
            }
            here
        }));
        Self { shape, data }
    }
}
