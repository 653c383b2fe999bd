//! Checks that every plot makes before it draws.

use super::axis::Axis;
use crate::Error;

/// Names a plot in error messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) plot: &'static str,
    pub(crate) title: &'a str,
}

impl Check<'_> {
    pub(crate) fn not_empty(&self, empty: bool, wants: &str) -> Result<(), Error> {
        if empty {
            return Err(Error::EmptyPlot { plot: self.plot, title: self.title.to_owned(), wants: wants.to_owned() });
        }
        Ok(())
    }

    pub(crate) fn same_length(
        &self,
        item: &str,
        (left_name, left): (&'static str, usize),
        (right_name, right): (&'static str, usize),
    ) -> Result<(), Error> {
        if left != right {
            let (title, item) = (self.title.to_owned(), item.to_owned());
            return Err(Error::LengthMismatch { plot: self.plot, title, item, left_name, left, right_name, right });
        }
        Ok(())
    }

    /// Fails with the advice, if there is one.
    pub(crate) fn option(
        &self,
        what: &'static str,
        value: impl std::fmt::Debug,
        advice: Option<&'static str>,
    ) -> Result<(), Error> {
        match advice {
            Some(advice) => Err(Error::BadOption {
                plot: self.plot,
                title: self.title.to_owned(),
                what,
                value: format!("{value:?}"),
                advice,
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn axis(&self, what: &'static str, axis: &Axis) -> Result<(), Error> {
        self.option(what, axis.range, axis.range_error())
    }

    pub(crate) fn range(&self, what: &'static str, range: Option<(f64, f64)>, positive: bool) -> Result<(), Error> {
        let axis = if positive { Axis::log("") } else { Axis::linear("") };
        self.axis(what, &Axis { range, ..axis })
    }

    /// A size within which titles and axes still have room.
    pub(crate) fn size(&self, size: Option<(f64, f64)>) -> Result<(), Error> {
        let good = size.is_none_or(|(w, h)| (160.0..=8192.0).contains(&w) && (120.0..=8192.0).contains(&h));
        self.option("size", size, (!good).then_some("give 160 to 8192 pixels of width and 120 to 8192 of height"))
    }
}
