//! Rows times a matrix: an invocation has a tile of the result, whose sums it keeps in registers.

use cubecl::prelude::*;

/// Numbers of a vector.
pub(super) const LANES: usize = 4;
/// Invocations of a workgroup, along the columns and along the rows alike.
pub(super) const GROUP: usize = 8;
/// Vectors along the depth that a workgroup brings into its memory at a time.
const STAGE: usize = 4;

pub(super) type Lanes = Vector<f32, Const<4>>;

/// An invocation's part of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Its rows.
    pub rows: usize,
    /// Its columns, in vectors, which are [`GROUP`] apart: so neighbours read side by side.
    pub vectors: usize,
}

/// Vectors of numbers, in one kernel's registers.
type Registers = Sequence<RuntimeCell<Lanes>>;

/// Where `number` rows or columns begin, from the one with the index `first` on, `step` apart; each is `size` further than the one before. Those past the end are
/// the last one.
#[cube]
pub(super) fn places(
    start: usize,
    first: usize,
    end: usize,
    size: usize,
    #[comptime] number: usize,
    #[comptime] step: usize,
) -> Sequence<usize> {
    let mut places = Sequence::<usize>::new();
    #[unroll]
    for index in 0..number {
        places.push(start + usize::min(first + index * step, end - 1) * size);
    }
    places
}

/// The sums of a tile, row after row, before anything was added to them.
#[cube]
fn beginning(
    bias: &[Lanes],
    columns: &Sequence<usize>,
    #[comptime] tile: Tile,
    #[comptime] has_bias: bool,
) -> Registers {
    let mut sums = Registers::new();
    #[unroll]
    for _ in 0..tile.rows {
        #[unroll]
        for vector in 0..tile.vectors {
            if has_bias {
                sums.push(RuntimeCell::new(bias[columns[vector]]));
            } else {
                sums.push(RuntimeCell::new(Lanes::new(0.0f32)));
            }
        }
    }
    sums
}

/// Adds to one row's sums its next four values times as many rows of the matrix: `factors` has these for each of the tile's vectors.
#[cube]
fn add_products(
    sums: &Registers,
    values: Lanes,
    factors: &Sequence<Lanes>,
    #[comptime] row: usize,
    #[comptime] tile: Tile,
) {
    #[unroll]
    for vector in 0..tile.vectors {
        let sum = &sums[row * tile.vectors + vector];
        let first = vector * LANES;
        sum.store(
            sum.read()
                + Lanes::new(values.extract(0usize)) * factors[first]
                + Lanes::new(values.extract(1usize)) * factors[first + 1]
                + Lanes::new(values.extract(2usize)) * factors[first + 2]
                + Lanes::new(values.extract(3usize)) * factors[first + 3],
        );
    }
}

/// Writes what of a tile is within the result.
#[cube]
fn write(
    output: &mut [Lanes],
    sums: &Registers,
    first_row: usize,
    first_column: usize,
    count: usize,
    outputs: usize,
    #[comptime] tile: Tile,
) {
    #[unroll]
    for row in 0..tile.rows {
        if first_row + row < count {
            #[unroll]
            for vector in 0..tile.vectors {
                let column = first_column + vector * GROUP;
                if column < outputs {
                    output[(first_row + row) * outputs + column] = sums[row * tile.vectors + vector].read();
                }
            }
        }
    }
}

/// `rows` is `[count, inputs]`, `matrix` `[inputs, outputs]`, `bias` `[outputs]`, all in vectors. Without a bias anything may stand in its place.
/// Nothing waits: neighbours have neighbouring columns, and the rows' values come from the cache.
#[cube(launch)]
#[expect(clippy::too_many_arguments, reason = "a kernel's arguments are buffers and numbers")]
pub(super) fn rows_by_matrix(
    rows: &[Lanes],
    matrix: &[Lanes],
    bias: &[Lanes],
    output: &mut [Lanes],
    count: usize,
    inputs: usize,
    outputs: usize,
    #[comptime] tile: Tile,
    #[comptime] has_bias: bool,
) {
    let first_row = ABSOLUTE_POS_Y as usize * tile.rows;
    let first_column = CUBE_POS_X as usize * (GROUP * tile.vectors) + UNIT_POS_X as usize;
    if first_row < count && first_column < outputs {
        let row_places = places(0usize, first_row, count, inputs, tile.rows, 1usize);
        let columns = places(0usize, first_column, outputs, 1usize, tile.vectors, GROUP);
        let sums = beginning(bias, &columns, tile, has_bias);
        for step in 0..inputs {
            let mut factors = Sequence::<Lanes>::new();
            #[unroll]
            for vector in 0..tile.vectors {
                #[unroll]
                for lane in 0..LANES {
                    factors.push(matrix[(step * LANES + lane) * outputs + columns[vector]]);
                }
            }
            #[unroll]
            for row in 0..tile.rows {
                add_products(&sums, rows[row_places[row] + step], &factors, row, tile);
            }
        }
        write(output, &sums, first_row, first_column, count, outputs, tile);
    }
}

/// The same, but a workgroup brings what it reads into its memory first, once for all its invocations, which wait for each other meanwhile.
#[cube(launch)]
#[expect(clippy::too_many_arguments, reason = "a kernel's arguments are buffers and numbers")]
pub(super) fn staged_rows_by_matrix(
    rows: &[Lanes],
    matrix: &[Lanes],
    bias: &[Lanes],
    output: &mut [Lanes],
    count: usize,
    inputs: usize,
    outputs: usize,
    #[comptime] tile: Tile,
    #[comptime] has_bias: bool,
) {
    let group_rows = comptime!(GROUP * tile.rows);
    let group_columns = comptime!(GROUP * tile.vectors);
    let group_first_row = CUBE_POS_Y as usize * group_rows;
    let group_first_column = CUBE_POS_X as usize * group_columns;
    let first_row = group_first_row + UNIT_POS_Y as usize * tile.rows;
    let first_column = group_first_column + UNIT_POS_X as usize;
    // By steps along the depth, so that neighbours read the same or side by side.
    let mut staged_rows = Shared::<[Lanes]>::new_slice(comptime!(STAGE * GROUP * tile.rows));
    let mut staged_matrix = Shared::<[Lanes]>::new_slice(comptime!(STAGE * LANES * GROUP * tile.vectors));
    let columns = places(0usize, first_column, outputs, 1usize, tile.vectors, GROUP);
    let sums = beginning(bias, &columns, tile, has_bias);
    for stage in 0..inputs.div_ceil(STAGE) {
        let first_step = stage * STAGE;
        #[unroll]
        for part in 0..comptime!(STAGE * tile.rows / GROUP) {
            let index = part * (GROUP * GROUP) + UNIT_POS as usize;
            let (row, step) = (index / STAGE, index % STAGE);
            let mut value = Lanes::new(0.0f32);
            if first_step + step < inputs {
                value = rows[usize::min(group_first_row + row, count - 1) * inputs + first_step + step];
            }
            staged_rows[step * group_rows + row] = value;
        }
        #[unroll]
        for part in 0..comptime!(STAGE * LANES * tile.vectors / GROUP) {
            let index = part * (GROUP * GROUP) + UNIT_POS as usize;
            let (depth, column) = (first_step * LANES + index / group_columns, index % group_columns);
            let mut value = Lanes::new(0.0f32);
            if depth < inputs * LANES {
                value = matrix[depth * outputs + usize::min(group_first_column + column, outputs - 1)];
            }
            staged_matrix[index] = value;
        }
        sync_cube();
        for step in 0..STAGE {
            let mut factors = Sequence::<Lanes>::new();
            #[unroll]
            for vector in 0..tile.vectors {
                #[unroll]
                for lane in 0..LANES {
                    factors.push(
                        staged_matrix[(step * LANES + lane) * group_columns + vector * GROUP + UNIT_POS_X as usize],
                    );
                }
            }
            #[unroll]
            for row in 0..tile.rows {
                let values = staged_rows[step * group_rows + UNIT_POS_Y as usize * tile.rows + row];
                add_products(&sums, values, &factors, row, tile);
            }
        }
        sync_cube();
    }
    write(output, &sums, first_row, first_column, count, outputs, tile);
}
