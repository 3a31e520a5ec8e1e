"""Files that would exhaust memory or disk, run a program, or lead out of their folder, were they believed; and two
pictures that are as large as any that is decoded, called `largest`.

    python tests/medical/hostile.py make FOLDER     write them, a few MB in all
    python tests/medical/hostile.py read FOLDER     give each to its reader, under 2 GiB: prints what each answers
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

LIMIT = 2 * 2**30
THREADS = 16
HUGE = 10**14


def png(width: int, height: int, *chunks: tuple[bytes, bytes], channels: int = 1) -> bytes:
    """A black PNG, compressed row by row; with other chunks before its pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer, row = zlib.compressobj(1), bytes(1 + width * channels)
    pixels = b"".join(packer.compress(row) for _ in range(height if width < 20_000 else 1)) + packer.flush()
    head = struct.pack(">2I5B", width, height, 8, {1: 0, 4: 6}[channels], 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def encoded(kind: str, mode: str = "L", **options: object) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert(mode).save(content, kind, **options)
    return content.getvalue()


def jpeg(height: int, width: int, scans: int = 1) -> bytes:
    """A JPEG that claims another size, and repeats its last scan."""
    whole = bytearray(encoded("JPEG", progressive=scans > 1))
    place = whole.index(b"\xff\xc2" if scans > 1 else b"\xff\xc0") + 5
    whole[place : place + 4] = struct.pack(">2H", height, width)
    last = bytes(whole[whole.rindex(b"\xff\xda") : -2])
    return bytes(whole[:-2]) + last * (scans - 1) + b"\xff\xd9"


def npy(descr: str, shape: tuple[int, ...], data: bytes = b"", length: int | None = None) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 13) % 64) + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text) if length is None else length) + text + data


def dicom(path: Path, rows: int, columns: int, syntax: str = "1.2.840.10008.1.2.1", **tags: object) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = syntax, "1.2", "1.2.3"
    header = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    header.Rows, header.Columns, header.SamplesPerPixel = rows, columns, 1
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation, header.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    header.PixelData = b"\0" * 64
    for tag, value in tags.items():
        setattr(header, tag, value)
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = header.file_meta.TransferSyntaxUID.is_compressed
    header.save_as(path, enforce_file_format=True)


def sparse(path: Path, size: int, start: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def make_pictures(folder: Path) -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n"
    save = {
        "postscript.png": script,
        "postscript.jpeg": script,
        "postscript.tif": script,
        "postscript.bmp": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I2x", 32, len(script), 0, 0, 0, 0) + b"\0" * 2 + script,
        "gif.png": encoded("GIF"),
        "webp.png": encoded("WEBP", "RGB"),
        "pdf.png": encoded("PDF"),
        "claims.png": png(65535, 65535),
        "bomb.png": png(13000, 13000, channels=4),
        "largest-1.png": png(8192, 8192, channels=4),
        "texts.png": png(8, 8, *[(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 90),
        "profile.png": png(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))),
        "cut.png": encoded("PNG")[:600],
        "cut.jpeg": encoded("JPEG")[:700],
        "claims.jpeg": jpeg(65500, 65500),
        "scans.jpeg": jpeg(64, 64, 5000),
        "claims.bmp": b"BM"
        + struct.pack("<3I", 10**6, 0, 54)
        + struct.pack("<I2i2H6I", 40, 60000, 60000, 1, 24, *[0] * 6),
        "claims.pgm": b"P5 60000 60000 65535\n",
        "plain.pgm": b"P2 60000 60000 255\n" + b"1 " * 1000,
        "rows.npy": npy("|u1", (HUGE, 0)),
        "claims.npy": npy("|u1", (60000, 60000)),
        "missing.npy": npy("|u1", (600, 600)),
        "wide.npy": npy("|V2000000000", (60, 60)),
        "negative.npy": npy("|u1", (-60, 60)),
        "pickle.npy": npy("|O", (2, 2), b"cos\nsystem\n(S'touch gs-was-here'\ntR."),
        "zip.npy": b"PK\3\4" + bytes(100),
    }
    for name, content in save.items():
        (folder / name).write_bytes(content)
    (folder / "largest-2.png").write_bytes(save["largest-1.png"])
    sparse(folder / "header.npy", 4 * 10**9, npy("|u1", (8, 8), length=4 * 10**9 - 100))
    pages = [Image.new("L", (8, 8))] * 50
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    plain = {256: (4, 60000), 257: (4, 60000), 258: (3, 8), 259: (3, 8), 262: (3, 1), 273: (4, 8), 279: (4, 9)}
    (folder / "claims.tif").write_bytes(tiff(plain))
    tile = {322: (4, 65536), 323: (4, 65536), 324: (4, 8), 325: (4, 9)}
    (folder / "tile.tif").write_bytes(tiff({**plain, 256: (4, 8), 257: (4, 8), **tile}, without=(273, 279)))


def tiff(tags: dict[int, tuple[int, int]], without: tuple[int, ...] = ()) -> bytes:
    """A little-endian TIFF of nothing but tags."""
    kept = [(tag, *tags[tag]) for tag in sorted(tags) if tag not in without]
    entries = b"".join(struct.pack("<2H2I", tag, kind, 1, value) for tag, kind, value in kept)
    return b"II*\0" + struct.pack("<IH", 8, len(kept)) + entries + bytes(4) + zlib.compress(bytes(1000))


def make_dicom(folder: Path) -> None:
    from pydicom.encaps import encapsulate

    dicom(folder / "claims.dcm", 65535, 65535)
    dicom(folder / "frames.dcm", 64, 64, NumberOfFrames=10**9)
    dicom(folder / "samples.dcm", 8000, 8000, SamplesPerPixel=65535)
    dicom(folder / "none.dcm", 0, 0)
    dicom(folder / "deflated.dcm", 8, 8, "1.2.840.10008.1.2.1.99", PixelData=bytes(10**8))
    run = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 4_000_000
    dicom(folder / "rle.dcm", 8, 8, "1.2.840.10008.1.2.5", PixelData=encapsulate([run]))
    stream = jpeg(65500, 65500)
    for name, syntax in (("jpeg", "4.50"), ("lossless", "4.70"), ("ls", "4.80")):
        dicom(folder / f"{name}.dcm", 64, 64, f"1.2.840.10008.1.2.{syntax}", PixelData=encapsulate([stream]))
    size = b"\xff\x4f\xff\x51" + struct.pack(">2H4I", 41, 0, 60000, 60000, 0, 0) + bytes(40)
    dicom(folder / "2000.dcm", 64, 64, "1.2.840.10008.1.2.4.90", PixelData=encapsulate([size]))
    whole = (folder / "none.dcm").read_bytes()
    sparse(folder / "sparse.dcm", 10**12, whole)


def make_archives(folder: Path) -> None:
    def pack(name: str, content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(folder / name, "w", method) as file:
            for member, data in content.items():
                file.writestr(member, data)
        return folder / name

    pack("rows.npz", {"a.npy": npy("|u1", (HUGE, 0))})
    pack("claims.npz", {"a.npy": npy("|u1", (HUGE, 224))})
    pack("missing.npz", {"a.npy": npy("|u1", (10**6, 224))})
    pack("row.npz", {"a.npy": npy("|u1", (1, 10**5, 10**5), bytes(1000))})
    pack("labels.npz", {"a.npy": npy("|u1", (3 * 10**8, 1), bytes(3 * 10**8))})
    pack("empty.npz", {"a.npy": npy("|S0", (HUGE,))})
    pack("header.npz", {"a.npy": npy("|u1", (8, 8), bytes(10**8), length=3 * 10**8)})
    pack("pickle.npz", {"a.npy": npy("|O", (2, 2), b"cos\nsystem\n(S'touch gs-was-here'\ntR.")})
    pack("lzma.npz", {"a.npy": npy("|u1", (8, 8), bytes(64))}, zipfile.ZIP_LZMA)
    pack("bomb.zip", {"train/x.png": bytes(10**8)})
    pack("lzma.zip", {"train/x.png": bytes(100)}, zipfile.ZIP_LZMA)
    pack("out.zip", {"../../x.png": b"x"})
    pack("root.zip", {"/tmp/x.png": b"x"})
    link = zipfile.ZipInfo("train/x.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "link.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    for name in ("members.zip", "members.npz"):
        whole = pack(name, {"a": b""}).read_bytes()
        end = whole.rindex(b"PK\5\6")
        record = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 2 * 10**9, end, 0)
        sparse(folder / name, 2 * 10**9 + end)
        with (folder / name).open("ab") as file:
            file.write(record)


def make_tables(folder: Path) -> None:
    head = "file,label\n"
    (folder / "field.csv").write_text(head + "a" * 200_000 + ",x\n")
    (folder / "line.csv").write_text(head + "a," * 1_000_000 + "x\n")
    (folder / "heading.csv").write_text("a," * 1_000_000 + "x\n")
    (folder / "out.csv").write_text(head + "../pictures/cut.png,x\n")
    (folder / "root.csv").write_text(head + f"{folder.parent / 'pictures' / 'cut.png'},x\n")
    (folder / "bytes.csv").write_bytes(head.encode() + bytes(range(256)))
    sparse(folder / "sparse.csv", 10**12, head.encode())
    columns = "study_id,image_id,laterality,view_position,height,width,breast_birads,split,finding_categories,"
    columns += "xmin,ymin,xmax,ymax\n"
    rows = {
        "nested": f"s,i,R,MLO,9,9,1,test,{'[' * 5000},1,1,1,1",
        "minus": f"s,i,R,MLO,9,9,1,test,{'-' * 100_000}1,1,1,1,1",
        "call": "s,i,R,MLO,9,9,1,test,__import__('os').system('touch gs-was-here'),1,1,1,1",
        "flat": "s,i,R,MLO,0,0,1,test,['Mass'],1,1,1,1",
        "infinite": "s,i,R,MLO,1e999,9,1,test,['Mass'],1,1,1,1",
        "escape": "../../..,i,R,MLO,9,9,1,test,['Mass'],1,1,1,1",
    }
    for name, row in rows.items():
        (folder / f"vindr-{name}").mkdir()
        (folder / f"vindr-{name}" / "finding_annotations.csv").write_text(columns + row + "\n")
    (folder / "vindr-escape" / "images").mkdir()


MAKERS = {"pictures": make_pictures, "dicom": make_dicom, "archives": make_archives, "tables": make_tables}


def readers(folder: Path) -> dict[str, Callable[[], object]]:
    """What reads each file as a dataset would, by the file's path below the folder."""
    from vaebench_medical import archive, decode, npz
    from vaebench_medical.folder import Folder
    from vaebench_medical.vindr import VindrMammo

    def labels(path: Path) -> object:
        with npz.array(path, "a") as rows:
            return rows.all()

    def read(path: Path) -> object:
        if path.suffix == ".npz":
            return labels(path)
        if path.suffix == ".zip":
            return archive.unpack(path, folder / "unpacked", re.compile(""))
        if path.suffix == ".csv":
            return Folder(str(path)).files(folder)
        if path.is_dir():
            return VindrMammo(str(path)).files(folder)
        return decode.with_native(path, 64, 1)

    paths = [path for kind in MAKERS for path in sorted((folder / kind).iterdir())]
    return {path.relative_to(folder).as_posix(): lambda path=path: read(path) for path in paths}  # type: ignore[misc]


def answers(folder: Path) -> dict[str, str]:
    """What each reader says of its file, as many at once as a dataset decodes."""

    def answer(read: Callable[[], object]) -> str:
        try:
            return f"READ {type(read()).__name__}"
        except ValueError as error:
            return f"refused: {error}"
        except BaseException as error:
            return f"FAILED {type(error).__name__}: {error}"

    found = readers(folder)
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(found, pool.map(answer, found.values()), strict=True))


if __name__ == "__main__":
    command, place = sys.argv[1], Path(sys.argv[2]).resolve()
    if command == "make":
        for kind, maker in MAKERS.items():
            (place / kind).mkdir(parents=True)
            maker(place / kind)
    else:
        # Not RLIMIT_AS: libraries and the stacks and arenas of threads reserve gigabytes of addresses they never touch.
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
        told = answers(place)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"answers": told, "peak": peak}), flush=True)
        os._exit(0)
