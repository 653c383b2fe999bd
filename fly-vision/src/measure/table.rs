//! Measures of cells: a number per model and cell, or per model, condition and cell.

use super::responses::cell_index;
use crate::{Conditions, Error};

/// A number per model and cell, `[models, cells]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PerCell {
    values: Vec<f64>,
    models: usize,
    cells: Vec<String>,
}

impl PerCell {
    /// Of numbers `[models, cells]`, row-major; `cells` are the names of the cells' types.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers are not that many or there are none.
    pub fn new(values: Vec<f64>, models: usize, cells: Vec<String>) -> Result<Self, Error> {
        if values.is_empty() || models.checked_mul(cells.len()) != Some(values.len()) {
            return Err(Error::shape(
                "a table of cells",
                format!("{} numbers", values.len()),
                format!("[models, cells] = [{models}, {}], none of them 0", cells.len()),
            ));
        }
        Ok(Self { values, models, cells })
    }

    /// All numbers, `[models, cells]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of models.
    pub fn models(&self) -> usize {
        self.models
    }

    /// Names of the cells' types, `[cells]`.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// Number of the first cell of a type.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is none.
    pub fn cell(&self, name: &str) -> Result<usize, Error> {
        cell_index(&self.cells, name)
    }

    /// The number of a model's cell.
    ///
    /// # Panics
    /// If there is no such model or cell.
    pub fn value(&self, model: usize, cell: usize) -> f64 {
        self.row(model)[cell]
    }

    /// The numbers of a model, `[cells]`.
    ///
    /// # Panics
    /// If there is no such model.
    pub fn row(&self, model: usize) -> &[f64] {
        assert!(model < self.models, "model {model} of {}", self.models);
        &self.values[model * self.cells.len()..][..self.cells.len()]
    }

    /// The numbers of a cell in all models, `[models]`.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn across_models(&self, cell: usize) -> Vec<f64> {
        (0..self.models).map(|model| self.value(model, cell)).collect()
    }
}

/// A number per model, condition and cell, `[models, conditions, cells]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PerCondition {
    values: Vec<f64>,
    models: usize,
    conditions: Conditions,
    cells: Vec<String>,
}

impl PerCondition {
    /// Of numbers `[models, conditions, cells]`, row-major; `cells` are the names of the cells' types.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers are not that many or there are none.
    pub fn new(values: Vec<f64>, models: usize, conditions: Conditions, cells: Vec<String>) -> Result<Self, Error> {
        let shape = [models, conditions.len(), cells.len()];
        let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if values.is_empty() || count != Some(values.len()) {
            return Err(Error::shape(
                "a table of cells and conditions",
                format!("{} numbers", values.len()),
                format!("[models, conditions, cells] = {shape:?}, none of them 0"),
            ));
        }
        Ok(Self { values, models, conditions, cells })
    }

    /// All numbers, `[models, conditions, cells]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of models.
    pub fn models(&self) -> usize {
        self.models
    }

    /// The conditions, a row for each.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Names of the cells' types, `[cells]`.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// Number of the first cell of a type.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is none.
    pub fn cell(&self, name: &str) -> Result<usize, Error> {
        cell_index(&self.cells, name)
    }

    /// The number of a model's cell in a condition.
    ///
    /// # Panics
    /// If there is no such model, condition or cell.
    pub fn value(&self, model: usize, condition: usize, cell: usize) -> f64 {
        self.row(model, condition)[cell]
    }

    /// The numbers of a model in a condition, `[cells]`.
    ///
    /// # Panics
    /// If there is no such model or condition.
    pub fn row(&self, model: usize, condition: usize) -> &[f64] {
        let conditions = self.conditions.len();
        assert!(
            model < self.models && condition < conditions,
            "[{model}, {condition}] of [{}, {conditions}]",
            self.models
        );
        &self.values[(model * conditions + condition) * self.cells.len()..][..self.cells.len()]
    }

    /// The one condition in which an argument has a value, as a table of its own.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such argument; [`Error::Setting`] if it has that value in no condition or in
    /// several.
    pub fn select(&self, argument: &'static str, value: f64) -> Result<PerCell, Error> {
        let found = self.conditions.samples_where(argument, value)?;
        let [condition] = found[..] else {
            return Err(Error::setting(
                argument,
                format!("is {value} in {} conditions; average over other arguments until it is one", found.len()),
            ));
        };
        let values = (0..self.models).flat_map(|model| self.row(model, condition)).copied().collect();
        PerCell::new(values, self.models, self.cells.clone())
    }

    /// The largest number over all conditions, NaN left out.
    pub fn largest(&self) -> PerCell {
        let mut values = vec![f64::NAN; self.models * self.cells.len()];
        for (model, row) in values.chunks_exact_mut(self.cells.len()).enumerate() {
            for condition in 0..self.conditions.len() {
                for (best, &value) in row.iter_mut().zip(self.row(model, condition)) {
                    *best = best.max(value);
                }
            }
        }
        PerCell { values, models: self.models, cells: self.cells.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_checked_and_sliced() {
        let conditions = Conditions::product(&[("intensity", &[0.0, 1.0]), ("speed", &[19.0])]);
        let cells = vec![String::from("Mi1"), String::from("Tm3")];
        let table = PerCondition::new((0..8).map(f64::from).collect(), 2, conditions.clone(), cells.clone()).unwrap();
        assert_eq!(table.value(1, 0, 1), 5.0);
        let on = table.select("intensity", 1.0).unwrap();
        assert_eq!(on.values(), [2.0, 3.0, 6.0, 7.0]);
        assert_eq!(on.across_models(1), [3.0, 7.0]);
        assert_eq!(table.largest(), on);
        assert!(table.select("speed", 19.0).is_err());
        assert!(table.select("intensity", 0.5).is_err());
        assert!(PerCondition::new(vec![0.0; 7], 2, conditions, cells.clone()).is_err());
        assert!(PerCell::new(vec![], 0, cells).is_err());
    }
}
