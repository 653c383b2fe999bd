//! The names that a pickle may look up, and nothing beside.

use crate::Dtype;

/// A name with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// `set` and `frozenset`.
    Set,
    /// `bytes` and `bytearray`.
    Bytes,
    Complex,
    /// `_codecs.encode`, by which old protocols spell bytes.
    Encode,
    NumpyScalar,
    NumpyReconstruct,
    NumpyFromBuffer,
    NumpyArray,
    NumpyDtype,
    Torch(TorchGlobal),
}

/// A name of torch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TorchGlobal {
    /// `_rebuild_tensor`, of the third version if the element type is an argument.
    RebuildTensor {
        v3: bool,
    },
    /// `_rebuild_parameter`, with or without state.
    RebuildParameter,
    RebuildSparse,
    RebuildFromType,
    Layout,
    Size,
    Device,
    /// `Tensor` and `Parameter`.
    Type,
    /// The class of a storage; `None` if it holds bytes.
    Storage(Option<Dtype>),
    Dtype(Dtype),
}

impl Global {
    /// Looks a name up; those of torch have a meaning in its own files alone.
    pub(super) fn find(module: &str, name: &str, torch: bool) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("builtins" | "__builtin__", "set" | "frozenset") => Self::Set,
            ("builtins" | "__builtin__", "bytes" | "bytearray") => Self::Bytes,
            ("builtins" | "__builtin__", "complex") => Self::Complex,
            ("_codecs", "encode") => Self::Encode,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::NumpyScalar,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::NumpyReconstruct,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::NumpyFromBuffer,
            ("numpy", "ndarray") => Self::NumpyArray,
            ("numpy", "dtype") => Self::NumpyDtype,
            _ if torch => Self::Torch(TorchGlobal::find(module, name)?),
            _ => return None,
        })
    }
}

impl TorchGlobal {
    fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor { v3: false },
            ("torch._utils", "_rebuild_tensor_v3") => Self::RebuildTensor { v3: true },
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Self::RebuildParameter,
            ("torch._utils", "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor") => Self::RebuildSparse,
            ("torch._tensor", "_rebuild_from_type_v2") => Self::RebuildFromType,
            ("torch.serialization", "_get_layout") => Self::Layout,
            ("torch", "Size") => Self::Size,
            ("torch", "device") => Self::Device,
            ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Self::Type,
            ("torch.storage", "UntypedStorage" | "_UntypedStorage") | ("torch", "UntypedStorage") => {
                Self::Storage(None)
            }
            ("torch" | "torch.cuda", name) => match name.strip_suffix("Storage") {
                Some(class) => Self::Storage(Some(storage_dtype(class)?)),
                None => Self::Dtype(dtype(name)?),
            },
            _ => return None,
        })
    }
}

/// The elements of a class of storages, such as `Float` for `FloatStorage`.
fn storage_dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "Bool" => Dtype::Bool,
        "Char" => Dtype::I8,
        "Short" => Dtype::I16,
        "Int" => Dtype::I32,
        "Long" => Dtype::I64,
        "Byte" => Dtype::U8,
        "Half" => Dtype::F16,
        "BFloat16" => Dtype::Bf16,
        "Float" => Dtype::F32,
        "Double" => Dtype::F64,
        "ComplexFloat" => Dtype::C64,
        "ComplexDouble" => Dtype::C128,
        _ => return None,
    })
}

/// The name that torch has for an element type.
pub(crate) fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "bool",
        Dtype::I8 => "int8",
        Dtype::I16 => "int16",
        Dtype::I32 => "int32",
        Dtype::I64 => "int64",
        Dtype::U8 => "uint8",
        Dtype::U16 => "uint16",
        Dtype::U32 => "uint32",
        Dtype::U64 => "uint64",
        Dtype::F16 => "float16",
        Dtype::Bf16 => "bfloat16",
        Dtype::F32 => "float32",
        Dtype::F64 => "float64",
        Dtype::C64 => "complex64",
        Dtype::C128 => "complex128",
    }
}

/// The element type of a name.
fn dtype(name: &str) -> Option<Dtype> {
    const ALL: [Dtype; 15] = [
        Dtype::Bool,
        Dtype::I8,
        Dtype::I16,
        Dtype::I32,
        Dtype::I64,
        Dtype::U8,
        Dtype::U16,
        Dtype::U32,
        Dtype::U64,
        Dtype::F16,
        Dtype::Bf16,
        Dtype::F32,
        Dtype::F64,
        Dtype::C64,
        Dtype::C128,
    ];
    ALL.into_iter().find(|&dtype| dtype_name(dtype) == name)
}
