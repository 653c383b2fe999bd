//! Rows of tables with typed columns.

use std::borrow::Cow;

use super::ColumnarTable;
use super::column::{Column, Values, number_of};
use crate::error::excerpt;
use crate::format::csv_tables;
use crate::tables::{Cells, SignRule};
use crate::{Error, Location, Sign};

/// A row of a table.
pub(crate) struct Row<'a> {
    pub(super) table: &'a ColumnarTable,
    pub(super) row: usize,
}

impl Row<'_> {
    #[inline]
    fn column(&self, column: usize) -> Option<&Column> {
        let column = &self.table.columns[column];
        let null = !column.null.is_empty() && column.null[self.row];
        (!null).then_some(column)
    }
}

impl Cells for Row<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        let Some(column) = self.column(column) else {
            return Cow::Borrowed(b"");
        };
        let row = self.row;
        match &column.values {
            Values::Int(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Coded(codes, list) => Cow::Owned(number_of(list, codes[row]).to_string().into_bytes()),
            Values::Large(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Float(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Text(codes) => Cow::Borrowed(column.texts.name(codes[row]).as_bytes()),
        }
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, Error> {
        if let Some(column) = self.column(column)
            && let Values::Text(codes) = &column.values
        {
            return Ok(Cow::Borrowed(column.texts.name(codes[self.row])));
        }
        Ok(Cow::Owned(String::from_utf8_lossy(&self.bytes(column)).into_owned()))
    }

    #[inline]
    fn integer(&self, column: usize, wanted: &'static str) -> Result<i64, Error> {
        // Beyond 2^53 a float is not the number that was meant.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let row = self.row;
        let value = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[row]),
            Values::Coded(codes, list) => Some(number_of(list, codes[row])),
            Values::Large(values) => i64::try_from(values[row]).ok(),
            Values::Float(values) => {
                Some(values[row]).filter(|value| value.fract() == 0.0 && value.abs() < EXACT).map(|value| value as i64)
            }
            Values::Text(codes) => csv_tables::parse_i64(column.texts.name(codes[row]).as_bytes()),
        });
        value.ok_or_else(|| Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted })
    }

    #[inline]
    fn number(&self, column: usize, what: &'static str) -> Result<f64, Error> {
        let row = self.row;
        let value = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[row] as f64),
            Values::Coded(codes, list) => Some(number_of(list, codes[row]) as f64),
            Values::Large(values) => Some(values[row] as f64),
            Values::Float(values) => Some(values[row]),
            Values::Text(codes) => csv_tables::parse_f64(column.texts.name(codes[row]).as_bytes()),
        });
        match value {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Error::NotFinite { at: self.at(column), what, value }),
            None => Err(Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted: what }),
        }
    }

    fn sign(&self, column: usize, rule: SignRule) -> Result<Sign, Error> {
        let number = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[self.row]),
            Values::Coded(codes, list) => Some(number_of(list, codes[self.row])),
            _ => None,
        });
        if rule == SignRule::Polarity
            && let Some(sign) = number.and_then(|n| i8::try_from(n).ok()).and_then(Sign::from_value)
        {
            return Ok(sign);
        }
        crate::tables::sign_of_cell(self, column, rule)
    }

    fn lossy(&self, column: usize) -> String {
        match self.column(column) {
            Some(_) => excerpt(&self.bytes(column)),
            None => "null".to_owned(),
        }
    }

    fn number_of_row(&self) -> u64 {
        self.table.before + self.row as u64
    }

    fn at(&self, column: usize) -> Box<Location> {
        self.table.at.key(format!("row {}, column {:?}", self.number_of_row(), self.table.header[column]))
    }
}
