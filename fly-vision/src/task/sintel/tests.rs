use super::*;
use crate::task::data::FlowData;

/// An image whose red grows with the column and green with the frame.
fn write_png(path: &Path, width: u32, height: u32, frame: u8) {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..width * height).flat_map(|i| [(i % width) as u8, frame, 7]).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn tagged(width: i32, height: i32, values: &[f32]) -> Vec<u8> {
    let head = [202_021.25f32.to_le_bytes(), width.to_le_bytes(), height.to_le_bytes()].concat();
    [head, values.iter().flat_map(|v| v.to_le_bytes()).collect()].concat()
}

/// A data set of scenes with this many images of 20 x 6 pixels.
fn data_set(scenes: &[(&str, u8)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (scene, images) in scenes {
        let [images_at, flow, depth] =
            ["final", "flow", "depth"].map(|part| folder.path().join("training").join(part).join(scene));
        [&images_at, &flow, &depth].iter().for_each(|at| std::fs::create_dir_all(at).unwrap());
        for frame in 1..=*images {
            write_png(&images_at.join(format!("frame_{frame:04}.png")), 20, 6, frame);
            let values: Vec<f32> = (0..120).flat_map(|i| [f32::from(frame), i as f32]).collect();
            if frame < *images {
                std::fs::write(flow.join(format!("frame_{frame:04}.flo")), tagged(20, 6, &values)).unwrap();
            }
            let values = vec![f32::from(frame); 120];
            std::fs::write(depth.join(format!("frame_{frame:04}.dpt")), tagged(20, 6, &values)).unwrap();
        }
    }
    folder
}

fn options() -> SintelOptions {
    SintelOptions { frames: 3, centre: 0.7, parts: 3, width: 8, extent: Extent(0) }
}

/// An eye of one column: the first pixel of each frame, and what was asked for.
fn corner(frames: &[f32], shape: [usize; 3], _: Pooling) -> Result<Vec<f32>, Error> {
    Ok(frames.chunks_exact(shape[1] * shape[2]).map(|frame| frame[0]).collect())
}

#[test]
fn scenes_become_sequences() {
    let folder = data_set(&[("alley_1", 4), ("cave_4", 5), ("short", 3)]);
    let sintel = Sintel::open(folder.path(), options()).unwrap();
    assert_eq!(sintel.names()[4], "sequence_01_cave_4_split_01");
    let set = sintel.render(corner).unwrap();
    assert_eq!((set.len(), set.columns(), set.frame_rate()), (6, 1, 24.0));
    // 14 of 20 pixels from the 3rd on; windows of 8 begin at 0, 3 and 6
    let sample = set.sample(5).unwrap();
    let grey = |frame: u32| ((19_595 * 9 + 38_470 * frame + 7_471 * 7 + 32_768) >> 16) as f32 / 255.0;
    assert_eq!(sample.luminance().luminance(), [2, 3, 4, 5].map(grey));
    assert_eq!(sample.flow(), [1.0, -9.0, 2.0, -9.0, 3.0, -9.0, 4.0, -9.0].map(|x: f32| x / 6.0));
    let split = sintel.split();
    assert_eq!((split.training, split.validation), (vec![0, 1, 2, 4, 5], vec![3]));
    let depth = sintel.render_depth(corner).unwrap().unwrap();
    assert_eq!(depth[2].luminance(), [2.0, 3.0, 4.0]);
}

#[test]
fn who_lacks_the_data_is_told_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let told = Sintel::open(folder.path(), SintelOptions::default()).unwrap_err().to_string();
    assert!(told.contains("http://sintel.is.tue.mpg.de"), "{told}");
    let folder = data_set(&[("alley_1", 4)]);
    assert!(Sintel::open(folder.path(), SintelOptions::default()).unwrap_err().to_string().contains("20 images"));
    std::fs::remove_file(folder.path().join("training/flow/alley_1/frame_0002.flo")).unwrap();
    let told = Sintel::open(folder.path(), options()).unwrap_err().to_string();
    assert!(told.contains("2 flow fields for 4 images"), "{told}");
    let narrow = SintelOptions { width: 15, ..options() };
    let folder = data_set(&[("alley_1", 4)]);
    let told = Sintel::open(folder.path(), narrow).unwrap().render(corner).unwrap_err().to_string();
    assert!(told.contains("frame_0002.png") && told.contains("3 parts of a width of 15"), "{told}");
    let blind = |_: &[f32], _: [usize; 3], _: Pooling| Ok(vec![0.0; 5]);
    let told = Sintel::open(folder.path(), options()).unwrap().render(blind).unwrap_err().to_string();
    assert!(told.contains("what the eye sees"), "{told}");
}

/// A map that is not as large as its image would be seen by other columns.
#[test]
fn files_of_a_scene_are_of_one_size() {
    for (file, other) in [("final", "frame_0003.png"), ("flow", "frame_0001.flo"), ("depth", "frame_0002.dpt")] {
        let folder = data_set(&[("alley_1", 4)]);
        let path = folder.path().join("training").join(file).join("alley_1").join(other);
        let numbers = if file == "flow" { 2 * 22 * 6 } else { 22 * 6 };
        match file {
            "final" => write_png(&path, 22, 6, 3),
            _ => std::fs::write(&path, tagged(22, 6, &vec![1.0; numbers])).unwrap(),
        }
        let sintel = Sintel::open(folder.path(), options()).unwrap();
        let refused =
            if file == "depth" { sintel.render_depth(corner).map(drop) } else { sintel.render(corner).map(drop) };
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(other) && told.contains("6 x 22") && told.contains("6 x 20"), "{told}");
    }
}

#[test]
fn broken_maps_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.flo");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read_flow(&path).unwrap_err().to_string()
    };
    let good = tagged(2, 1, &[1.0, 2.0, 3.0, 4.0]);
    std::fs::write(&path, &good).unwrap();
    assert_eq!(read_flow(&path).unwrap().values, [1.0, 3.0, 2.0, 4.0]);
    for length in 0..good.len() {
        refusal(&good[..length]);
    }
    assert!(refusal(&[&[0][..], &good[1..]].concat()).contains("tag"));
    assert!(refusal(&tagged(i32::MAX, i32::MAX, &[1.0])).contains("pixels"));
    assert!(refusal(&tagged(-2, -1, &[1.0; 4])).contains("-2 x -1"));
    assert!(refusal(&tagged(2, 1, &[1.0, f32::NAN, 3.0, 4.0])).contains("finite"));
    let image = folder.path().join("image.png");
    write_png(&image, 5, 4, 3);
    let bytes = std::fs::read(&image).unwrap();
    assert_eq!(read_luminance(&image).unwrap().values.len(), 20);
    for length in [0, 8, 30, bytes.len() / 2] {
        std::fs::write(&image, &bytes[..length]).unwrap();
        assert!(read_luminance(&image).is_err(), "{length} bytes");
    }
}
