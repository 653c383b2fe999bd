//! Procedural movies of moving textures, with exact optic flow.

use connectome_graph::hex::Extent;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Uniform};
use rayon::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::motion::{Motion, MotionSettings};
use super::set::{Argument, Stimuli, check_sample, check_times};
use super::similarity::Similarity;
use super::texture::{NoiseSettings, Texture};
use crate::eye::{BoxEye, Pooling};
use crate::{Conditions, Error, Movie};

/// Settings of [`Scenes`].
#[derive(Debug, Clone, PartialEq)]
pub struct SceneSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Side of a receptor in pixels, in which flow is counted. Default 13.
    pub kernel: usize,
    /// Points per side that a receptor is looked at. Default 4: 16 points for 169 pixels.
    pub points: usize,
    /// Number of scenes. Default 64.
    pub scenes: usize,
    /// Frames per scene. Default 19.
    pub frames: usize,
    /// Frames per second. Default 24.
    pub rate: f64,
    /// Largest number of objects in a scene; each has from none to so many. Default 6.
    pub objects: usize,
    /// Radii of objects in columns, or half their sides, at random between these. Default 1.5 to 6.
    pub sizes: [f64; 2],
    /// Motion of the camera. Default [`MotionSettings::CAMERA`].
    pub camera: MotionSettings,
    /// Motion of objects in the image, whatever the camera does. Default [`MotionSettings::OBJECT`].
    pub motion: MotionSettings,
    /// Number of textures of noise, of which scenes choose. Default 16.
    pub textures: usize,
    /// The textures of noise.
    pub noise: NoiseSettings,
    /// Texels per column. Default 4, as many as there are points.
    pub texels: f64,
    /// Height of the image in pixels, the unit of flow. Default 436, that of the films of the reference (Sintel).
    pub image_height: f64,
    /// How the flow of a receptor's pixels becomes that of its column. Default [`Pooling::Sum`], as in the reference: 169 times the mean.
    pub flow: Pooling,
    /// Seed of everything (`ChaCha8`). Default 0. Sets with neighbouring seeds have textures in common, all but one, though other scenes: texture
    /// `i` is that of seed `seed + 1 + i`. Take seeds as far apart as there are textures where sets should share none.
    pub seed: u64,
}

impl Default for SceneSettings {
    fn default() -> Self {
        Self {
            extent: Extent(15),
            kernel: 13,
            points: 4,
            scenes: 64,
            frames: 19,
            rate: 24.0,
            objects: 6,
            sizes: [1.5, 6.0],
            camera: MotionSettings::CAMERA,
            motion: MotionSettings::OBJECT,
            textures: 16,
            noise: NoiseSettings::default(),
            texels: 4.0,
            image_height: 436.0,
            flow: Pooling::Sum,
            seed: 0,
        }
    }
}

/// A rendered scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Luminance, `[frames, columns]`.
    pub movie: Movie,
    /// Optic flow, `[frames, 2, columns]`: rightwards, upwards. See [`Scenes`].
    pub flow: Vec<f32>,
}

/// Scenes of a textured background and textured discs and rectangles. The camera translates, rolls and approaches or recedes; objects
/// move, turn and grow or shrink on their own, the later ones before the earlier ones. All motion is smooth and random.
///
/// A receptor sees the mean of `points x points` evenly spaced points of its square, each of which shows the texture of the topmost
/// object or the background. There is no image in between: at 721 columns a frame takes 11,536 points.
///
/// **Flow** of a frame is the way that the points which were visible in the frame before have gone since, at the places where they
/// were then, in units of the image's height per frame, the second component counted upwards. That is what the reference
/// takes from its films: the flow of image `i` goes with the luminance of image `i + 1`. It follows from the motion itself, without
/// error, at each of the points, and is then pooled.
///
/// Arguments: `scene`, `objects`.
///
/// ```
/// use fly_vision::stimulus::{SceneSettings, Scenes, Stimuli};
///
/// let scenes = Scenes::new(SceneSettings { scenes: 2, textures: 2, ..SceneSettings::default() }, Vec::new())?;
/// let scene = scenes.scene(1)?;
/// assert_eq!((scene.movie.frames(), scene.flow.len()), (19, 19 * 2 * 721));
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scenes {
    settings: SceneSettings,
    eye: BoxEye,
    /// Points of all receptors in columns from the middle, `[columns, points^2]`, `[x, y]`.
    points: Vec<[f32; 2]>,
    textures: Vec<Texture>,
    scripts: Vec<Script>,
    conditions: Conditions,
}

/// Everything that is drawn at random in a scene.
#[derive(Debug, Clone)]
struct Script {
    camera: Motion,
    background: usize,
    objects: Vec<Object>,
}

#[derive(Debug, Clone)]
struct Object {
    motion: Motion,
    shape: Shape,
    texture: usize,
}

/// In columns, around the object's middle.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Disc(f32),
    Rectangle([f32; 2]),
}

impl Shape {
    #[inline]
    fn contains(self, [x, y]: [f32; 2]) -> bool {
        match self {
            Self::Disc(radius) => x * x + y * y <= radius * radius,
            Self::Rectangle([width, height]) => x.abs() <= width && y.abs() <= height,
        }
    }
}

/// A [`Similarity`] in single precision.
#[derive(Debug, Clone, Copy)]
struct Map {
    turn: [f32; 2],
    shift: [f32; 2],
}

impl Map {
    fn new(map: &Similarity) -> Self {
        Self { turn: map.turn.map(|x| x as f32), shift: map.shift.map(|x| x as f32) }
    }

    #[inline]
    fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let ([re, im], [dx, dy]) = (self.turn, self.shift);
        [re * x - im * y + dx, im * x + re * y + dy]
    }
}

/// Layers of points: 0 is the background, others are objects counted from 1.
type Layers = Vec<u8>;

impl Scenes {
    /// Draws the scenes. `photographs` are textures beside those of noise.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Graph`] for too large an extent.
    pub fn new(settings: SceneSettings, photographs: Vec<Texture>) -> Result<Self, Error> {
        let s = &settings;
        check_times(1.0 / s.rate, &[("frames", s.frames as f64 / s.rate)])?;
        s.camera.check()?;
        s.motion.check()?;
        let [least, most] = s.sizes;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if !(positive(least) && positive(most) && least <= most && positive(s.texels) && positive(s.image_height)) {
            return Err(Error::setting("scenes", "sizes, texels per column and the image's height must be positive"));
        }
        if s.points == 0 || s.points > 64 || s.objects > 255 || s.flow == Pooling::Median {
            return Err(Error::setting("scenes", "1 to 64 points per side, at most 255 objects, mean or sum of flow"));
        }
        if s.textures + photographs.len() == 0 || s.textures > 1 << 12 || s.scenes > 1 << 24 {
            return Err(Error::setting("scenes", "1 to 4096 textures, at most 2^24 scenes"));
        }
        let eye = BoxEye::new(s.extent, s.kernel)?;
        let mut textures = photographs;
        let noise: Result<Vec<Texture>, Error> = (0..s.textures)
            .into_par_iter()
            .map(|i| Texture::noise(s.seed.wrapping_add(1 + i as u64), s.noise))
            .collect();
        textures.extend(noise?);
        let scripts: Vec<Script> =
            (0..s.scenes).map(|scene| Script::draw(s, textures.len(), scene)).collect::<Result<_, _>>()?;
        let objects: Vec<f64> = scripts.iter().map(|script| script.objects.len() as f64).collect();
        let conditions =
            Conditions::from_columns(vec![("scene", (0..s.scenes).map(|i| i as f64).collect()), ("objects", objects)])?;
        let points = points(&eye, s.points);
        Ok(Self { settings, eye, points, textures, scripts, conditions })
    }

    /// The settings.
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// Renders a scene with its flow.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no such scene.
    pub fn scene(&self, scene: usize) -> Result<Scene, Error> {
        check_sample(self, scene)?;
        let (s, n) = (&self.settings, self.eye.lattice().len());
        let script = &self.scripts[scene];
        let mut luminance = vec![0.0; s.frames * n];
        let mut flow = vec![0.0; 2 * s.frames * n];
        let (mut layers, mut seen) = (vec![0; self.points.len()], vec![0.0; self.points.len()]);
        // what was visible a frame before the first
        let mut maps = script.maps(-1.0 / s.rate);
        self.visible(script, &maps, &mut layers);
        for frame in 0..s.frames {
            let next = script.maps(frame as f64 / s.rate);
            self.flow(&maps, &next, &layers, &mut flow[2 * frame * n..][..2 * n]);
            maps = next;
            self.visible(script, &maps, &mut layers);
            self.shade(script, &maps, &layers, &mut seen);
            let points = s.points * s.points;
            for (out, points_seen) in luminance[frame * n..][..n].iter_mut().zip(seen.chunks_exact(points)) {
                *out = points_seen.iter().sum::<f32>() / points as f32;
            }
        }
        Ok(Scene { movie: Movie::new(n, luminance)?, flow })
    }

    /// The topmost layer at each point.
    fn visible(&self, script: &Script, maps: &[Similarity], layers: &mut Layers) {
        layers.fill(0);
        for (layer, (object, map)) in script.objects.iter().zip(&maps[1..]).enumerate() {
            let map = Map::new(map);
            for (top, point) in layers.iter_mut().zip(&self.points) {
                if object.shape.contains(map.apply(*point)) {
                    *top = layer as u8 + 1;
                }
            }
        }
    }

    /// Luminance at each point.
    fn shade(&self, script: &Script, maps: &[Similarity], layers: &Layers, seen: &mut [f32]) {
        let texels = self.settings.texels as f32;
        let background = (&self.textures[script.background], Map::new(&maps[0]));
        let objects = script.objects.iter().zip(&maps[1..]).map(|(o, map)| (&self.textures[o.texture], Map::new(map)));
        let shaders: Vec<(&Texture, Map)> = std::iter::once(background).chain(objects).collect();
        for ((luminance, &layer), point) in seen.iter_mut().zip(layers).zip(&self.points) {
            let (texture, map) = &shaders[layer as usize];
            let [x, y] = map.apply(*point);
            *luminance = texture.at(x * texels, y * texels);
        }
    }

    /// Way of the visible points from one frame to the next, `[2, columns]`.
    fn flow(&self, maps: &[Similarity], next: &[Similarity], layers: &Layers, out: &mut [f32]) {
        let s = &self.settings;
        let ways: Vec<Map> = maps
            .iter()
            .zip(next)
            .map(|(now, then)| {
                let way = now.then(&then.inverse());
                Map::new(&Similarity { turn: [way.turn[0] - 1.0, way.turn[1]], shift: way.shift })
            })
            .collect();
        // from columns to the image's height
        let pixels = if s.flow == Pooling::Sum { (s.kernel * s.kernel) as f64 } else { 1.0 };
        let points = s.points * s.points;
        let unit = (s.kernel as f64 / s.image_height * pixels / points as f64) as f32;
        let (right, up) = out.split_at_mut(self.eye.lattice().len());
        let columns = self.points.chunks_exact(points).zip(layers.chunks_exact(points));
        for ((right, up), (points, layers)) in right.iter_mut().zip(up).zip(columns) {
            let (mut x, mut y) = (0.0, 0.0);
            for (point, &layer) in points.iter().zip(layers) {
                let way = ways[layer as usize].apply(*point);
                x += way[0];
                y += way[1];
            }
            *right = unit * x;
            *up = -unit * y;
        }
    }
}

impl Script {
    fn draw(settings: &SceneSettings, textures: usize, scene: usize) -> Result<Self, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream(1 + scene as u64);
        let between = |low: f64, high: f64, rng: &mut ChaCha8Rng| -> Result<f64, Error> {
            let uniform = Uniform::new_inclusive(low, high).map_err(|e| Error::setting("scenes", e.to_string()))?;
            Ok(uniform.sample(rng))
        };
        let below = |n: usize, rng: &mut ChaCha8Rng| -> Result<usize, Error> {
            Ok((between(0.0, n as f64, rng)? as usize).min(n - 1))
        };
        let background = below(textures, &mut rng)?;
        let count = below(settings.objects + 1, &mut rng)?;
        // somewhere on the texture: no scene begins at the same place
        let reach = settings.noise.side as f64 / settings.texels;
        let place = |reach: f64, rng: &mut ChaCha8Rng| -> Result<[f64; 2], Error> {
            let uniform = Uniform::new_inclusive(-reach, reach).map_err(|e| Error::setting("scenes", e.to_string()))?;
            Ok([uniform.sample(rng), uniform.sample(rng)])
        };
        let camera = Motion::draw(place(reach, &mut rng)?, &settings.camera, &mut rng)?;
        let mut objects = Vec::with_capacity(count);
        for _ in 0..count {
            let texture = below(textures, &mut rng)?;
            let [least, most] = settings.sizes;
            let size = Uniform::new_inclusive(least, most).map_err(|e| Error::setting("sizes", e.to_string()))?;
            let [a, b] = [0; 2].map(|_| size.sample(&mut rng) as f32);
            let shape = if below(2, &mut rng)? == 0 { Shape::Disc(a) } else { Shape::Rectangle([a, b]) };
            let start = place(f64::from(settings.extent.0), &mut rng)?;
            objects.push(Object { motion: Motion::draw(start, &settings.motion, &mut rng)?, shape, texture });
        }
        Ok(Self { camera, background, objects })
    }

    /// From the image to the background and to each object, at a time.
    fn maps(&self, time: f64) -> Vec<Similarity> {
        let background = self.camera.view(time).inverse();
        let objects = self.objects.iter().map(|object| object.motion.place(time).inverse());
        std::iter::once(background).chain(objects).collect()
    }
}

/// Points of the receptors of an eye, in columns from the middle.
fn points(eye: &BoxEye, per_side: usize) -> Vec<[f32; 2]> {
    let kernel = eye.kernel() as f32;
    let inside = |i: usize| (i as f32 + 0.5) / per_side as f32 - 0.5;
    let receptor = |&[y, x]: &[i32; 2]| {
        let (x, y) = (x as f32 / kernel, y as f32 / kernel);
        (0..per_side * per_side).map(move |i| [x + inside(i % per_side), y + inside(i / per_side)])
    };
    eye.centers().iter().flat_map(receptor).collect()
}

impl Stimuli for Scenes {
    fn name(&self) -> &'static str {
        "scenes"
    }

    fn arguments(&self) -> &'static [Argument] {
        const {
            &[
                Argument::new("scene", "", "number of the scene"),
                Argument::new("objects", "", "number of objects in the scene"),
            ]
        }
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn columns(&self) -> usize {
        self.eye.lattice().len()
    }

    fn dt(&self) -> f64 {
        1.0 / self.settings.rate
    }

    fn t_pre(&self) -> f64 {
        0.0
    }

    fn frames(&self) -> usize {
        self.settings.frames
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        Ok(self.scene(sample)?.movie)
    }

    fn configuration(&self) -> Value {
        let mut hash = Sha256::new();
        for texture in &self.textures {
            for texel in texture.texels() {
                hash.update(texel.to_le_bytes());
            }
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "stimuli": self.name(), "settings": format!("{:?}", self.settings), "textures_sha256": hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> SceneSettings {
        SceneSettings { extent: Extent(6), scenes: 4, frames: 6, textures: 3, ..SceneSettings::default() }
    }

    #[test]
    fn scenes_follow_from_their_seed() {
        let scenes = Scenes::new(quick(), Vec::new()).unwrap();
        let first = scenes.scene(2).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let again = pool.install(|| Scenes::new(quick(), Vec::new()).unwrap().scene(2).unwrap());
        assert_eq!(first, again);
        assert_ne!(first, scenes.scene(1).unwrap());
        assert_ne!(first, Scenes::new(SceneSettings { seed: 1, ..quick() }, Vec::new()).unwrap().scene(2).unwrap());
        assert!(first.movie.luminance().iter().all(|x| (0.0..=1.0).contains(x)));
        assert!(scenes.scene(4).is_err());
    }

    /// Pure translation, rotation and expansion have the flow fields that they should have.
    #[test]
    fn flow_is_that_of_the_motion() {
        let still = MotionSettings { translation: 0.0, rotation: 0.0, expansion: 0.0, bandwidth: 1.0 };
        for (camera, which) in [
            (MotionSettings { translation: 9.0, ..still }, 0),
            (MotionSettings { rotation: 30.0, ..still }, 1),
            (MotionSettings { expansion: 0.5, ..still }, 2),
        ] {
            let settings = SceneSettings { camera, objects: 0, flow: Pooling::Mean, ..quick() };
            let scenes = Scenes::new(settings, Vec::new()).unwrap();
            let flow = scenes.scene(0).unwrap().flow;
            let n = scenes.columns();
            let frame = &flow[2 * n * 3..][..2 * n];
            let at = |column: usize| [frame[column], frame[n + column]];
            let (middle, end) = (at(n / 2), at(0));
            let [x, y] = scenes.eye.centers().first().map(|c| [c[1] as f32, -c[0] as f32]).unwrap();
            let (along, across) = (end[0] * x + end[1] * y, end[0] * y - end[1] * x);
            match which {
                0 => assert!(at(3) == middle && middle[0].abs() > 0.0),
                1 => assert!(across.abs() > 20.0 * along.abs() && middle[0].abs() < 1e-6),
                _ => assert!(along.abs() > 1e3 * across.abs() && middle[0].abs() < 1e-6),
            }
        }
    }

    /// A camera that moves to the right sees everything move to the left, in units of the image's height, summed over pixels.
    #[test]
    fn flow_has_its_unit_and_sign() {
        let camera = MotionSettings { rotation: 0.0, expansion: 0.0, ..MotionSettings::CAMERA };
        let scenes = Scenes::new(SceneSettings { camera, objects: 0, ..quick() }, Vec::new()).unwrap();
        let (flow, n) = (scenes.scene(3).unwrap().flow, scenes.columns());
        let camera = |frame: f64| scenes.scripts[3].camera.view(frame / 24.0).inverse().shift;
        for frame in 0..6 {
            let (before, after) = (camera(frame as f64 - 1.0), camera(frame as f64));
            let unit = 169.0 * 13.0 / 436.0;
            let want = [unit * (before[0] - after[0]), unit * (after[1] - before[1])];
            for (axis, want) in want.into_iter().enumerate() {
                let got = f64::from(flow[(2 * frame + axis) * n + 5]);
                assert!((got - want).abs() < 1e-3 * want.abs() + 1e-4, "{got} {want}");
            }
        }
    }

    /// Brightness is constant along the flow: moved back by it, a frame resembles the one before far more than it does as it is.
    #[test]
    fn brightness_is_constant_along_flow() {
        let settings = SceneSettings { extent: Extent(10), scenes: 6, flow: Pooling::Mean, ..quick() };
        let scenes = Scenes::new(settings.clone(), Vec::new()).unwrap();
        let (mut moved, mut unmoved) = (0.0, 0.0);
        for script in &scenes.scripts {
            let (mut before, mut layers) = (vec![0.0; scenes.points.len()], vec![0; scenes.points.len()]);
            let maps = [script.maps(0.1), script.maps(0.1 + 1.0 / settings.rate)];
            scenes.visible(script, &maps[0], &mut layers);
            scenes.shade(script, &maps[0], &layers, &mut before);
            // the eye looks where the flow of each point leads
            let mut follow = scenes.clone();
            for (point, &layer) in follow.points.iter_mut().zip(&layers) {
                let way = maps[0][layer as usize].then(&maps[1][layer as usize].inverse());
                *point = Map::new(&way).apply(*point);
            }
            let mut after = vec![0.0; scenes.points.len()];
            let mut then = layers.clone();
            follow.visible(script, &maps[1], &mut then);
            follow.shade(script, &maps[1], &then, &mut after);
            let same = |i: &usize| then[*i] == layers[*i];
            moved += (0..before.len()).filter(same).map(|i| (before[i] - after[i]).abs()).fold(0.0, f32::max);
            scenes.visible(script, &maps[1], &mut then);
            scenes.shade(script, &maps[1], &then, &mut after);
            unmoved += (0..before.len()).map(|i| (before[i] - after[i]).abs()).fold(0.0, f32::max);
        }
        assert!(moved < 1e-3 && unmoved > 0.2, "{moved} {unmoved}");
    }

    /// Sixteen points per receptor come close to all its pixels.
    #[test]
    fn few_points_are_enough() {
        let render = |points| {
            let settings = SceneSettings { points, ..quick() };
            Scenes::new(settings, Vec::new()).unwrap().scene(1).unwrap()
        };
        let (few, many) = (render(4), render(26));
        let n = few.movie.luminance().len() as f32;
        let error: f32 = few.movie.luminance().iter().zip(many.movie.luminance()).map(|(a, b)| (a - b).powi(2)).sum();
        assert!((error / n).sqrt() < 0.02, "{}", (error / n).sqrt());
    }

    #[test]
    fn settings_are_checked() {
        assert!(Scenes::new(SceneSettings { points: 0, ..quick() }, Vec::new()).is_err());
        assert!(Scenes::new(SceneSettings { rate: 0.0, ..quick() }, Vec::new()).is_err());
        assert!(Scenes::new(SceneSettings { sizes: [2.0, 1.0], ..quick() }, Vec::new()).is_err());
        assert!(Scenes::new(SceneSettings { textures: 0, ..quick() }, Vec::new()).is_err());
    }
}
