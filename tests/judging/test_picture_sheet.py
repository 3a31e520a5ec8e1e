"""Sheets of pictures: where which pixel lies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vaebench.judging.picture_sheet import COLUMNS, MOST, Tiles, grid, png


def test_a_grid_goes_row_by_row_with_a_white_gap() -> None:
    images = np.stack([np.full((1, 2, 3), value, np.float32) for value in (0.0, 0.2, 0.4, 0.6, 0.8)])
    sheet = grid(images, columns=3)
    assert sheet.shape == (2 * 2 + 1, 3 * 3 + 2, 1)
    assert [int(sheet[0, column, 0]) for column in (0, 4, 8)] == [0, 51, 102]
    assert [int(sheet[3, column, 0]) for column in (0, 4, 8)] == [153, 204, 255]
    assert (sheet[2] == 255).all()
    assert (sheet[:, 3] == 255).all()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_png_holds_the_pixels(channels: int, mode: str) -> None:
    images = np.random.default_rng(0).random((4, channels, 8, 8)).astype(np.float32)
    sheet = grid(images, columns=2)
    image = Image.open(io.BytesIO(png(sheet)))
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image).reshape(sheet.shape), sheet)


def test_values_out_of_range_are_cut_and_not_wrapped() -> None:
    sheet = grid(np.array([-0.5, 1.5], np.float32).reshape(2, 1, 1, 1), columns=2, gap=0)
    assert sheet.ravel().tolist() == [0, 255]


def test_a_tile_is_found_by_its_name() -> None:
    tiles, levels = Tiles(), np.linspace(0, 1, 14).astype(np.float32)
    images = np.broadcast_to(levels[:, None, None, None], (14, 1, 16, 16))
    tiles.add("dark", images[:4])
    tiles.add("light", images[4:])
    about = tiles.about()
    assert about["where"] == {"dark": [0, 4], "light": [4, 10]} and about["count"] == 14
    sheet = np.asarray(Image.open(io.BytesIO(tiles.webp())).convert("L"), np.float32) / 255
    number = about["where"]["light"][0] + 7
    row, column = divmod(number, COLUMNS)
    tile = sheet[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
    np.testing.assert_allclose(tile, levels[11], atol=0.02)


def test_large_images_are_halved_by_averaging() -> None:
    tiles = Tiles()
    board = np.indices((2 * MOST, 2 * MOST)).sum(0) % 2
    tiles.add("board", board[None, None].astype(np.float32))
    assert tiles.images[0].shape == (3, MOST, MOST) and (tiles.images[0] == 0.5).all()
