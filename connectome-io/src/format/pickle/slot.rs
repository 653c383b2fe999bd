//! References to objects, and the numbers that are none.

/// A value of any type where it needs no alignment.
#[derive(Clone, Copy)]
#[repr(Rust, packed)]
pub(crate) struct Packed<T: Copy>(T);

impl<T: Copy> Packed<T> {
    pub(crate) fn get(self) -> T {
        self.0
    }
}

impl<T: Copy + std::fmt::Debug> std::fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// A place on the stack, in the memo or in a container.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot {
    None,
    Bool(bool),
    Int(Packed<i64>),
    Float(Packed<f64>),
    /// An entry of the list of objects.
    Node(Packed<u32>),
}

// Long lists are made of them.
const _: () = assert!(size_of::<Option<Slot>>() == 9);

impl Slot {
    pub(crate) fn int(number: i64) -> Self {
        Self::Int(Packed(number))
    }

    pub(crate) fn float(number: f64) -> Self {
        Self::Float(Packed(number))
    }

    pub(super) fn node(place: u32) -> Self {
        Self::Node(Packed(place))
    }
}
