//! Options of reading, common to all commands that read a connectome.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use connectome_io::format::csv_tables::neurons_beside;
use connectome_io::{
    CsvLayout, Duplicates, GapJunctions, Limits, Muscle, NeuronsFile, Progress, ReadOptions, Regions, Rows,
    UnknownNeurons,
};

/// How files are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct Reading {
    /// What a row of a matrix is
    #[arg(long, value_enum, default_value = "post")]
    rows: RowsArg,
    /// A connection in several rows: refuse the file, add the weights, or keep all rows
    #[arg(long, value_enum, default_value = "error")]
    duplicates: DuplicatesArg,
    /// Edges between neurons that are not listed: refuse the file, or leave them out
    #[arg(long, value_enum, default_value = "error")]
    unknown_neurons: UnknownArg,
    /// Table of neurons, `none`, or `beside`: neurons.csv, .parquet or .feather in the folder of the edges, if there is one
    #[arg(long, default_value = "beside", value_name = "FILE")]
    neurons: String,
    /// Number of neurons: ends of edges are then indices from 0
    #[arg(long, value_name = "N")]
    n_neurons: Option<usize>,
    /// Smallest absolute weight that is kept, after summing
    #[arg(long, value_name = "W", value_parser = weight, allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Name of the column of weights
    #[arg(long, value_name = "NAME")]
    weight_column: Option<String>,
    /// Brain regions that count, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    regions: Vec<String>,
    /// Gap junctions: as the file has them, or each both ways
    #[arg(long, value_enum, default_value = "as-published")]
    gap_junctions: GapArg,
    /// Synapses onto muscle
    #[arg(long, value_enum, default_value = "drop")]
    muscle: MuscleArg,
    /// Smallest connection score of a synapse that counts, in tables of synapses
    #[arg(long, value_name = "SCORE")]
    min_connection_score: Option<f64>,
    /// Smallest cleft score of a synapse that counts, in tables of synapses
    #[arg(long, value_name = "SCORE")]
    min_cleft_score: Option<f64>,
    /// What a .csv holds
    #[arg(long, value_enum, default_value = "auto")]
    csv: CsvArg,
    /// Member of an archive or dictionary that holds the matrix
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    /// Bytes that a compressed file may inflate to
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().inflated)]
    most_inflated: u64,
    /// Bytes that a pickle or a file of torch may take in memory beyond four times its size
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().objects)]
    most_objects: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RowsArg {
    Post,
    Pre,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DuplicatesArg {
    Error,
    Sum,
    Keep,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UnknownArg {
    Error,
    Drop,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GapArg {
    AsPublished,
    Symmetrise,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MuscleArg {
    Drop,
    Keep,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CsvArg {
    Auto,
    Edges,
    Matrix,
}

/// Names of the library in its messages, and what they are called here.
const NAMES: [(&str, &str); 18] = [
    ("`Duplicates::Sum`", "`--duplicates sum`"),
    ("`Duplicates::Keep`", "`--duplicates keep`"),
    ("`UnknownNeurons::Drop`", "`--unknown-neurons drop`"),
    ("another `NeuronsFile`", "another table by `--neurons`"),
    ("`NeuronsFile::None`", "`--neurons none`"),
    ("`CsvLayout::Matrix`", "`--csv matrix`"),
    ("`ReadOptions::rows`", "`--rows`"),
    ("`ReadOptions::duplicates`", "`--duplicates`"),
    ("`ReadOptions::n_neurons`", "`--n-neurons`"),
    ("`ReadOptions::weight_column`", "`--weight-column`"),
    ("`ReadOptions::member`", "`--member`"),
    ("`ReadOptions::regions`", "`--regions`"),
    ("`ReadOptions::min_connection_score`", "`--min-connection-score`"),
    ("`ReadOptions::min_cleft_score`", "`--min-cleft-score`"),
    ("`ReadOptions::limits.inflated`", "`--most-inflated`"),
    ("`ReadOptions::limits.objects`", "`--most-objects`"),
    ("raise `ReadOptions::limits.npy_header`", "read it by the library under a higher limit"),
    ("raise `ReadOptions::limits.safetensors_header`", "read it by the library under a higher limit"),
];

/// A message of the library in words of these options.
pub(crate) fn in_options(message: &str) -> String {
    NAMES.iter().fold(message.to_owned(), |message, (name, option)| message.replace(name, option))
}

/// The same for commands without these options, which read what `flybrain data convert` writes.
pub(crate) fn in_options_of_convert(message: &str) -> String {
    let told = in_options(message);
    let options = "; these are options of `flybrain data convert`, whose result is read here";
    if told == message { told } else { told + options }
}

/// A smallest weight.
fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
    weight.ok_or_else(|| "a number from 0 on is wanted".into())
}

impl Reading {
    /// Whether connections are left out that the file has.
    pub(crate) fn selects(&self) -> bool {
        let scores = [self.threshold, self.min_connection_score, self.min_cleft_score];
        !self.regions.is_empty() || scores.iter().any(Option::is_some)
    }

    /// The table of neurons that is read with a table of edges.
    pub(crate) fn neurons_of(&self, edges: &Path) -> Option<PathBuf> {
        match self.neurons.as_str() {
            "beside" => neurons_beside(edges),
            "none" => None,
            file => Some(file.into()),
        }
    }

    /// The library's options; `progress` is told how far tables have been read.
    pub(crate) fn options(&self, progress: Progress) -> ReadOptions {
        ReadOptions {
            rows: match self.rows {
                RowsArg::Post => Rows::Post,
                RowsArg::Pre => Rows::Pre,
            },
            duplicates: match self.duplicates {
                DuplicatesArg::Error => Duplicates::Error,
                DuplicatesArg::Sum => Duplicates::Sum,
                DuplicatesArg::Keep => Duplicates::Keep,
            },
            unknown_neurons: match self.unknown_neurons {
                UnknownArg::Error => UnknownNeurons::Error,
                UnknownArg::Drop => UnknownNeurons::Drop,
            },
            neurons: match self.neurons.as_str() {
                "beside" => NeuronsFile::Sibling,
                "none" => NeuronsFile::None,
                file => NeuronsFile::File(PathBuf::from(file)),
            },
            n_neurons: self.n_neurons,
            threads: None,
            threshold: self.threshold,
            weight_column: self.weight_column.clone(),
            regions: if self.regions.is_empty() { Regions::All } else { Regions::Only(self.regions.clone()) },
            gap_junctions: match self.gap_junctions {
                GapArg::AsPublished => GapJunctions::AsPublished,
                GapArg::Symmetrise => GapJunctions::Symmetrise,
            },
            muscle: match self.muscle {
                MuscleArg::Drop => Muscle::Drop,
                MuscleArg::Keep => Muscle::Keep,
            },
            csv: match self.csv {
                CsvArg::Auto => CsvLayout::Auto,
                CsvArg::Edges => CsvLayout::Edges,
                CsvArg::Matrix => CsvLayout::Matrix,
            },
            member: self.member.clone(),
            limits: Limits { inflated: self.most_inflated, objects: self.most_objects, ..Limits::default() },
            min_connection_score: self.min_connection_score,
            min_cleft_score: self.min_cleft_score,
            progress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_options() {
        let message = "stands a second time; choose `Duplicates::Sum` or `Duplicates::Keep` if that is meant";
        let told = in_options(message);
        assert_eq!(told, "stands a second time; choose `--duplicates sum` or `--duplicates keep` if that is meant");
        assert!(in_options_of_convert(message).starts_with(&(told + "; these are options of `flybrain data convert`")));
        assert_eq!(in_options_of_convert("no such file"), "no such file");
    }
}
