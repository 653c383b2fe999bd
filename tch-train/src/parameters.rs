//! Tensors with names.

use std::collections::BTreeMap;

use tch::{Tensor, nn::VarStore};

use crate::Error;

/// Tensors with names, in the order of the names: parameters, and buffers that are saved with them.
///
/// They share memory with the tensors that they are made of.
#[derive(Debug, Default)]
pub struct Parameters {
    tensors: BTreeMap<String, Tensor>,
}

impl Parameters {
    /// Everything in a store, buffers too.
    pub fn of(vs: &VarStore) -> Self {
        Self { tensors: vs.variables().into_iter().collect() }
    }

    /// Tensors by name.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a name comes twice.
    pub fn new<N: Into<String>>(tensors: impl IntoIterator<Item = (N, Tensor)>) -> Result<Self, Error> {
        let mut all = Self::default();
        for (name, tensor) in tensors {
            all.insert(name.into(), tensor)?;
        }
        Ok(all)
    }

    /// These and those of another store or list, whose names get `prefix` and a dot before them.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a name comes twice.
    pub fn and(mut self, prefix: &str, others: &Parameters) -> Result<Self, Error> {
        for (name, tensor) in others.iter() {
            self.insert(format!("{prefix}.{name}"), tensor.shallow_clone())?;
        }
        Ok(self)
    }

    /// Those that want a gradient.
    #[must_use]
    pub fn trainable(&self) -> Self {
        self.filter(|_, tensor| tensor.requires_grad())
    }

    /// Those at or below a path: `under("decoder")` has `decoder.weight`, and not `decoder2.weight`.
    #[must_use]
    pub fn under(&self, path: &str) -> Self {
        self.filter(|name, _| is_under(name, path))
    }

    /// Those neither at nor below a path.
    #[must_use]
    pub fn without(&self, path: &str) -> Self {
        self.filter(|name, _| !is_under(name, path))
    }

    /// Name and tensor of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensor of a name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    fn insert(&mut self, name: String, tensor: Tensor) -> Result<(), Error> {
        if self.tensors.contains_key(&name) {
            return Err(Error::Parameter {
                name,
                what: "there are two of this name; give one of them a prefix".into(),
            });
        }
        self.tensors.insert(name, tensor);
        Ok(())
    }

    fn filter(&self, wanted: impl Fn(&str, &Tensor) -> bool) -> Self {
        let kept = self.tensors.iter().filter(|(name, tensor)| wanted(name, tensor));
        Self { tensors: kept.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect() }
    }
}

impl Clone for Parameters {
    fn clone(&self) -> Self {
        self.filter(|_, _| true)
    }
}

fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_select_whole_words() {
        let t = || Tensor::from(0.0);
        let all = Parameters::new([("a.w", t()), ("a.b.w", t()), ("ab.w", t()), ("a", t())]).unwrap();
        let names = |p: &Parameters| p.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&all.under("a")), ["a", "a.b.w", "a.w"]);
        assert_eq!(names(&all.without("a")), ["ab.w"]);
        assert_eq!(names(&all.under("a.b")), ["a.b.w"]);
        assert!(Parameters::new([("x", t()), ("x", t())]).is_err());
        let both = Parameters::default().and("left", &all).unwrap().and("right", &all).unwrap();
        assert_eq!(both.len(), 8);
        assert!(both.and("left", &all).unwrap_err().to_string().starts_with("parameter left.a: there are two"));
    }
}
