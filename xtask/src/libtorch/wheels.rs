//! The wheels that libtorch is taken out of, pinned, and what is taken.

/// Which libraries are unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// What the programs link: libtorch_cpu and what it needs.
    Cpu,
    /// The same and all that CUDA needs at run time.
    Cuda,
}

impl Layout {
    /// As in a message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
        }
    }

    /// Bytes unpacked, about.
    pub(crate) fn unpacked(self) -> u64 {
        match self {
            Self::Cpu => 530_000_000,
            Self::Cuda => 3_500_000_000,
        }
    }

    /// The wheels of this layout, the largest need first.
    pub(crate) fn wheels(self) -> &'static [Wheel] {
        match self {
            Self::Cpu => &WHEELS[..3],
            Self::Cuda => &WHEELS,
        }
    }
}

/// One file of a package index.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    /// The distribution's name.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// The name of the file.
    pub(crate) file: &'static str,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub(crate) sha256: &'static str,
}

/// The three of the CPU layout, then those that CUDA adds: what torch 2.11.0's own metadata asks for.
#[rustfmt::skip]
const WHEELS: [Wheel; 16] = [
    Wheel {
        name: "torch",
        version: "2.11.0",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        bytes: 530_604_548,
        sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
    },
    Wheel {
        name: "nvidia-cuda-runtime",
        version: "13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 2_243_632,
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    Wheel {
        name: "nvidia-cuda-cupti",
        version: "13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        bytes: 10_715_597,
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    },
    Wheel {
        name: "nvidia-cublas",
        version: "13.1.0.3",
        file: "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 423_133_236,
        sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
    },
    Wheel {
        name: "nvidia-cuda-nvrtc",
        version: "13.0.88",
        file: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        bytes: 90_215_200,
        sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    },
    Wheel {
        name: "nvidia-cudnn-cu13",
        version: "9.19.0.56",
        file: "nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 366_066_321,
        sha256: "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    },
    Wheel {
        name: "nvidia-cufft",
        version: "12.0.0.61",
        file: "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 214_085_489,
        sha256: "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
    },
    Wheel {
        name: "nvidia-cufile",
        version: "1.15.1.6",
        file: "nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 1_223_672,
        sha256: "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
    },
    Wheel {
        name: "nvidia-curand",
        version: "10.4.0.35",
        file: "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 59_544_258,
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    },
    Wheel {
        name: "nvidia-cusolver",
        version: "12.0.4.66",
        file: "nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 200_941_980,
        sha256: "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
    },
    Wheel {
        name: "nvidia-cusparse",
        version: "12.6.3.3",
        file: "nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 145_942_937,
        sha256: "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
    },
    Wheel {
        name: "nvidia-cusparselt-cu13",
        version: "0.8.0",
        file: "nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl",
        bytes: 169_884_119,
        sha256: "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
    },
    Wheel {
        name: "nvidia-nccl-cu13",
        version: "2.28.9",
        file: "nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl",
        bytes: 196_493_177,
        sha256: "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
    },
    Wheel {
        name: "nvidia-nvjitlink",
        version: "13.0.88",
        file: "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        bytes: 40_713_933,
        sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    },
    Wheel {
        name: "nvidia-nvshmem-cu13",
        version: "3.4.5",
        file: "nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 60_412_546,
        sha256: "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
    },
    Wheel {
        name: "nvidia-nvtx",
        version: "13.0.85",
        file: "nvidia_nvtx-13.0.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
        bytes: 148_047,
        sha256: "4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4",
    },
];

/// Libraries of the torch wheel that the programs link or need to start.
const TORCH_CPU: [&str; 4] = ["libtorch_cpu.so", "libtorch.so", "libc10.so", "libgomp.so.1"];
/// Those that are loaded where there is CUDA.
const TORCH_CUDA: [&str; 5] =
    ["libtorch_cuda.so", "libc10_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so"];
/// What libtorch_cpu.so itself asks of NVIDIA (its profiler); neither needs a driver.
const NVIDIA_CPU: [&str; 2] = ["libcudart.so.13", "libcupti.so.13"];
/// Libraries of the NVIDIA wheels that nothing here loads: 0.4 GB.
const NVIDIA_UNUSED: [&str; 9] = [
    "libcheckpoint.so",
    "libcufftw.so",
    "libcusolverMg.so",
    "libnvblas.so",
    "libnvperf_host.so",
    "libnvperf_target.so",
    "libnvrtc-builtins.alt.so",
    "libnvrtc.alt.so",
    "libpcsamplingutil.so",
];

/// Whether the entry `path` of a wheel is unpacked.
pub(crate) fn keep(path: &str, layout: Layout) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.is_empty() {
        return false;
    }
    if path.starts_with("torch/include/") {
        return true;
    }
    if let Some(library) = path.strip_prefix("torch/lib/") {
        return TORCH_CPU.contains(&library) || layout == Layout::Cuda && TORCH_CUDA.contains(&library);
    }
    if path.starts_with("nvidia/") && path.contains("/lib/") {
        return match layout {
            Layout::Cpu => NVIDIA_CPU.contains(&name),
            Layout::Cuda => name.contains(".so") && !NVIDIA_UNUSED.iter().any(|unused| name.starts_with(unused)),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_complete() {
        for wheel in &WHEELS {
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.name);
            assert!(wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()), "{}", wheel.name);
            let start = format!("{}-{}-", wheel.name.replace('-', "_"), wheel.version);
            assert!(wheel.file.starts_with(&start), "{} is not {start}...", wheel.file);
        }
        assert_eq!(WHEELS[0].version, super::super::version::WANTED);
    }

    #[test]
    fn the_cpu_layout_takes_no_cuda_library() {
        for path in ["torch/lib/libtorch_cpu.so", "torch/include/torch/script.h", "nvidia/cu13/lib/libcudart.so.13"] {
            assert!(keep(path, Layout::Cpu) && keep(path, Layout::Cuda), "{path}");
        }
        for path in ["torch/lib/libtorch_cuda.so", "nvidia/cu13/lib/libcublas.so.13", "nvidia/cudnn/lib/libcudnn.so.9"]
        {
            assert!(!keep(path, Layout::Cpu) && keep(path, Layout::Cuda), "{path}");
        }
        for path in [
            "torch/lib/",
            "torch/lib/libtorch_python.so",
            "torch/__init__.py",
            "nvidia/cu13/include/cuda.h",
            "nvidia/cu13/lib/libcudart_static.a",
            "nvidia/cu13/lib/libcusolverMg.so.12",
        ] {
            assert!(!keep(path, Layout::Cpu) && !keep(path, Layout::Cuda), "{path}");
        }
    }
}
