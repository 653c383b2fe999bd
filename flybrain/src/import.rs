//! Files of a data set, whatever they are, into one connectome that says where it comes from.

use std::path::{Path, PathBuf};

use connectome_io::format::csv_tables::neurons_beside;
use connectome_io::{
    Connectome, Content, GapJunctions, InputFile, NeuronTable, NeuronsFile, Provenance, ReadOptions, Strangers,
    check_options, content, read_neurons, read_with,
};

use crate::Error;
use crate::catalog::DataSet;
use crate::digest::input_file;

/// Reads the files of one data set: tables of connections or matrices, which are united, and tables of neurons, which are joined by id or
/// name. The order within each kind is that of `files`; the first table of neurons says which there are, that of the options before
/// all. Without any, neurons are those of all files. Duplicates and the threshold are looked for in the union.
///
/// The provenance names every file with its SHA-256, and version, licence and reference if the data set is known.
///
/// # Errors
/// [`Error::NothingToImport`] without a file of connections; [`Error::Data`] with file, place and remedy.
pub fn import(files: &[PathBuf], options: &ReadOptions, set: Option<&DataSet>) -> Result<Connectome, Error> {
    let (mut tables, mut wirings) = (Vec::new(), Vec::new());
    for file in files {
        if is_table(file) && content(file, &options.limits)? == Content::Neurons {
            tables.push(file);
        } else {
            wirings.push(file);
        }
    }
    let Some((first, further)) = wirings.split_first() else {
        return Err(Error::NothingToImport { files: files.to_vec() });
    };
    // what one file has no use for may be for another
    let unheeded: Vec<_> = wirings.iter().filter_map(|file| check_options(file, options).err()).collect();
    if unheeded.len() == wirings.len()
        && let Some(error) = unheeded.into_iter().next()
    {
        return Err(error.into());
    }
    let mut options = options.clone();
    let joined = match (&options.neurons, tables.split_first()) {
        (NeuronsFile::File(_), _) | (_, None) => &tables[..],
        (_, Some((&first, more))) => {
            options.neurons = NeuronsFile::File(first.clone());
            more
        }
    };
    let strangers = match options.neurons {
        NeuronsFile::File(_) => Strangers::Refuse,
        NeuronsFile::Sibling | NeuronsFile::None => Strangers::Add,
    };
    // of several files, all that concerns their connections together is done with the union
    let one_by_one = match further {
        [] => options.clone(),
        _ => ReadOptions { threshold: None, gap_junctions: GapJunctions::AsPublished, ..options.clone() },
    };
    let mut connectome = read_with(first, &one_by_one)?;
    for file in further {
        connectome = connectome.united(&read_with(file, &one_by_one)?, strangers)?;
    }
    if !further.is_empty() {
        connectome = connectome.merged(options.duplicates, options.gap_junctions)?;
        if let Some(threshold) = options.threshold {
            connectome = connectome.with_threshold(threshold)?;
        }
    }
    if !joined.is_empty() {
        let mut neurons = connectome.neurons().clone();
        for table in joined {
            neurons = neurons.joined(&read_neurons(table, &options.limits)?)?;
        }
        connectome = with_neurons(&connectome, neurons)?;
    }
    let inputs = inputs(files, &options)?;
    let provenance = provenance(connectome.provenance(), inputs, set);
    Ok(connectome.with_provenance(provenance))
}

/// Hashes of the files that were named, and of the table of neurons that was found beside them.
fn inputs(files: &[PathBuf], options: &ReadOptions) -> Result<Vec<InputFile>, Error> {
    let mut inputs = Vec::new();
    let mut listed: Vec<PathBuf> = files.to_vec();
    if let NeuronsFile::Sibling = options.neurons {
        listed.extend(files.iter().filter(|file| is_table(file)).filter_map(neurons_beside));
    }
    if let NeuronsFile::File(file) = &options.neurons {
        listed.push(file.clone());
    }
    let mut seen = Vec::new();
    for file in listed {
        if !file.is_dir() && !seen.contains(&file) {
            inputs.push(input_file(&file)?);
            seen.push(file);
        }
    }
    Ok(inputs)
}

fn provenance(read: &Provenance, inputs: Vec<InputFile>, set: Option<&DataSet>) -> Provenance {
    let source = set.map_or_else(|| read.source().to_owned(), |set| format!("{}: {}", set.name, set.title));
    let mut provenance = Provenance::new(source, read.orientation()).with_inputs(inputs);
    if let Some(threshold) = read.threshold() {
        provenance = provenance.with_threshold(threshold);
    }
    let known = |from_set: Option<&str>, from_file: Option<&str>| from_set.or(from_file).map(str::to_owned);
    if let Some(version) = known(set.and_then(|set| set.version.as_deref()), read.version()) {
        provenance = provenance.with_version(version);
    }
    if let Some(licence) = known(set.map(|set| set.licence.as_str()), read.licence()) {
        provenance = provenance.with_licence(licence);
    }
    if let Some(reference) = known(set.map(|set| set.reference.as_str()), read.reference()) {
        provenance = provenance.with_reference(reference);
    }
    provenance
}

fn with_neurons(connectome: &Connectome, neurons: NeuronTable) -> Result<Connectome, Error> {
    let renewed = Connectome::new(neurons, connectome.synapses().clone(), connectome.provenance().clone())?;
    Ok(match connectome.lattice() {
        Some(lattice) => renewed.with_lattice(lattice.clone())?,
        None => renewed,
    })
}

/// Whether a file is a table, by its name.
fn is_table(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let known = [".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow"];
    path.is_file() && known.iter().any(|extension| name.ends_with(extension))
}
