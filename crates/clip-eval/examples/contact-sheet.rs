//! Draws all corruptions of a picture on one sheet: a row for each kind, a column for each severity, the picture itself first.
//!
//! `cargo run -p clip-eval --example contact-sheet -- PICTURE SHEET.png [SHORTER_SIDE]`

use std::error::Error;

use clip_eval::corruption::{Corruption, Kind};
use clip_model::picture::Picture;
use image::imageops::{self, FilterType};
use image::{RgbImage, imageops::overlay};

/// Side of a picture on the sheet.
const CELL: u32 = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [picture, sheet, rest @ ..] = arguments.as_slice() else {
        return Err("PICTURE and SHEET.png are needed".into());
    };
    let mut picture = Picture::decode(&std::fs::read(picture)?)?;
    if let Some(side) = rest.first() {
        let side: u32 = side.parse()?;
        let shorter = picture.width().min(picture.height()).max(1);
        let scaled = |length: u32| (length * side / shorter).max(1);
        let (width, height) = (scaled(picture.width()), scaled(picture.height()));
        let resized = imageops::resize(&image_of(&picture)?, width, height, FilterType::CatmullRom);
        picture = Picture::from_rgb8(width, height, resized.into_raw())?;
    }
    let columns = 1 + u32::from(*Corruption::SEVERITIES.end());
    let mut drawn = RgbImage::new(CELL * columns, CELL * Kind::ALL.len() as u32);
    for (row, kind) in Kind::ALL.into_iter().enumerate() {
        place(&mut drawn, 0, row, &picture)?;
        for severity in Corruption::SEVERITIES {
            let corrupted = Corruption::new(kind, severity)?.apply(&picture, 1)?;
            place(&mut drawn, u32::from(severity), row, &corrupted)?;
        }
    }
    drawn.save(sheet)?;
    Ok(())
}

fn place(sheet: &mut RgbImage, column: u32, row: usize, picture: &Picture) -> Result<(), Box<dyn Error>> {
    let small = imageops::resize(&image_of(picture)?, CELL, CELL, FilterType::Triangle);
    overlay(sheet, &small, i64::from(column * CELL), row as i64 * i64::from(CELL));
    Ok(())
}

fn image_of(picture: &Picture) -> Result<RgbImage, Box<dyn Error>> {
    RgbImage::from_raw(picture.width(), picture.height(), picture.rgb().to_vec())
        .ok_or_else(|| "a picture has as many pixels as its size says".into())
}
