//! Which machine code runs.

use std::sync::OnceLock;

/// An instruction set that the kernels were compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tier {
    /// Whatever the target's baseline is.
    Portable,
    /// AVX2 and FMA (x86-64 since 2013).
    Avx2,
    /// AVX-512 F, BW, DQ and VL (servers since 2017).
    Avx512,
}

impl Tier {
    /// All of them, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The fastest that this machine has. Asked once per process.
    pub fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(|| Self::ALL.into_iter().rev().find(|t| t.is_available()).unwrap_or(Self::Portable))
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// Whether rows of X of one register are worth asking for ahead: 8 % faster on AMD's Zen 5, 10 % slower on Intel's Sapphire
/// Rapids, which looks far enough ahead by itself.
pub(crate) fn prefetch_narrow() -> bool {
    static AMD: OnceLock<bool> = OnceLock::new();
    *AMD.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let id = std::arch::x86_64::__cpuid(0);
            [id.ebx, id.edx, id.ecx].map(u32::to_le_bytes).as_flattened() == b"AuthenticAMD"
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    })
}

/// Bytes of a core's second-level cache; 1 MiB where the machine does not tell.
pub(crate) fn second_level_cache() -> usize {
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{__cpuid, __cpuid_count};
            // Leaf 4 of Intel and leaf 0x8000001D of AMD list caches in the same form.
            let leaf = if prefetch_narrow() { 0x8000_001D } else { 4 };
            let top = __cpuid(leaf & 0x8000_0000).eax;
            if top >= leaf {
                for index in 0..8 {
                    let c = __cpuid_count(leaf, index);
                    let (kind, level) = (c.eax & 31, (c.eax >> 5) & 7);
                    if kind == 0 {
                        break;
                    }
                    if level == 2 {
                        let part = |shift: u32, bits: u32| ((c.ebx >> shift) & ((1 << bits) - 1)) as usize + 1;
                        return part(22, 10) * part(12, 10) * part(0, 12) * (c.ecx as usize + 1);
                    }
                }
            }
        }
        1 << 20
    })
}
