//! Images to learn from and images that are held out.

use convgru_feedback::stimulus::images::{Images, Part};
use convgru_feedback::stimulus::labels;
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

use super::{Config, Split};
use crate::Error;
use crate::digest::hex;

/// Images `[n, 1, height, width]` and their classes `[n]`.
#[derive(Debug)]
pub struct Labelled {
    /// Pixels.
    pub images: Tensor,
    /// Classes.
    pub labels: Tensor,
}

/// What is learned, and what is held out.
#[derive(Debug)]
pub struct Task {
    /// To learn from.
    pub learned: Labelled,
    /// To be judged by.
    pub held_out: Labelled,
    /// SHA-256 of sizes, pixels and classes of both, as they are in the files.
    pub digest: String,
}

impl Task {
    /// Reads the images that the settings name.
    ///
    /// # Errors
    /// [`Error::Areas`] for files that are missing or damaged, and for classes that the settings have no place for.
    pub fn read(config: &Config, device: Device) -> Result<Self, Error> {
        let train = Images::read_part(&config.data_path, Part::Train)?;
        let (learned, held_out) = match config.split {
            Split::Files => (train, Images::read_part(&config.data_path, Part::Test)?),
            Split::LastFifth => {
                let split = labels::hold_out(train.labels(), 5)?;
                (train.subset(&split.train), train.subset(&split.test))
            }
        };
        let parts = [learned, held_out];
        let digest = digest(parts.each_ref());
        let [learned, held_out] = parts.map(|images| Labelled::of(&images, config, device));
        let task = Self { learned: learned?, held_out: held_out?, digest };
        let [learned, held_out] = [&task.learned, &task.held_out].map(|part| part.images.size());
        if learned[1..] != held_out[1..] {
            let problem = format!(
                "images to learn are {:?}, those held out {:?}; give both one size",
                &learned[1..],
                &held_out[1..]
            );
            return Err(Error::Setting { key: "image_size", problem });
        }
        Ok(task)
    }

    /// Reads only the images to be judged by.
    ///
    /// # Errors
    /// As [`Task::read`].
    pub fn held_out(config: &Config, device: Device) -> Result<Labelled, Error> {
        match config.split {
            Split::Files => Labelled::of(&Images::read_part(&config.data_path, Part::Test)?, config, device),
            Split::LastFifth => Ok(Self::read(config, device)?.held_out),
        }
    }

    /// Channels, height and width of the images.
    pub fn image_shape(&self) -> [i64; 3] {
        let size = self.learned.images.size();
        [size[1], size[2], size[3]]
    }
}

/// SHA-256 of numbers, sizes, classes and pixels.
pub(super) fn digest(parts: [&Images; 2]) -> String {
    let mut hash = Sha256::new();
    for images in parts {
        let [height, width] = images.size();
        [images.len(), height, width].into_iter().for_each(|size| hash.update((size as u64).to_le_bytes()));
        hash.update(images.labels());
        (0..images.len()).for_each(|image| hash.update(images.image(image)));
    }
    hex(&hash.finalize())
}

impl Labelled {
    fn of(images: &Images, config: &Config, device: Device) -> Result<Self, Error> {
        let torch = |e| Error::Areas(convgru_feedback::Error::Torch(e));
        if images.is_empty() {
            let problem = "there are no images to learn from, or none to hold out; see data_path".to_owned();
            return Err(Error::Setting { key: "split", problem });
        }
        if let Some(class) = images.labels().iter().find(|&&label| i64::from(label) >= config.n_classes) {
            let problem = format!("{}, but there are images of class {class}", config.n_classes);
            return Err(Error::Setting { key: "n_classes", problem });
        }
        let mut pixels = images.to_tensor()?;
        if let Some(side) = config.image_size {
            let size = [side, side];
            if pixels.size()[2..] != size {
                pixels = pixels.f_upsample_bilinear2d(size, false, None, None).map_err(torch)?;
            }
        }
        if config.normalise {
            pixels = config.dataset.normalisation().apply(&pixels)?;
        }
        let labels = images.label_tensor()?;
        Ok(Self {
            images: pixels.f_to_device(device).map_err(torch)?,
            labels: labels.f_to_device(device).map_err(torch)?,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.size()[0] as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
