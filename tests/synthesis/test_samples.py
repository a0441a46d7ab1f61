import json
import weakref
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from hsigan.errors import InputError
from hsigan.scene import read_spectral_library
from hsigan.synthesis.samples import Samples, load_samples

SPECTRA = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
SAMPLES = Samples(
    SPECTRA,
    np.array([3, 3, 3, 11, 11, 0, 11]),
    {3: "Grapes, untrained = {old}", 11: "Äcker"},
    np.array([450.123, 550.5, 650.0, 2400.25]),
    np.array([0, 1, 5, 9]),
    {"run": "a", "seed": 4, "settings": {"steps": 3, "rate": 1e-4, "none": None}},
)


def test_npz_comes_back_whole(tmp_path):
    SAMPLES.save(tmp_path / "a.npz")
    again = load_samples(tmp_path / "a.npz")
    for name in ("spectra", "labels", "wavelengths_nm", "band_indices"):
        np.testing.assert_array_equal(getattr(again, name), getattr(SAMPLES, name))
    assert again.class_names == SAMPLES.class_names
    assert again.provenance == SAMPLES.provenance


def test_npz_of_bare_samples_comes_back(tmp_path):
    Samples(SPECTRA, SAMPLES.labels).save(tmp_path / "a.npz")
    again = load_samples(tmp_path / "a.npz")
    assert (again.wavelengths_nm, again.band_indices) == (None, None)
    assert (again.class_names, again.provenance) == ({}, {})


def test_parquet_has_a_column_for_each_band_and_the_provenance(tmp_path):
    SAMPLES.save(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names[:3] == ["label", "class_name", "450.12 nm"]
    bands = np.stack([table[name].to_numpy() for name in table.column_names[2:]], axis=1)
    np.testing.assert_array_equal(bands, SPECTRA)
    np.testing.assert_array_equal(table["label"].to_numpy(), SAMPLES.labels)
    assert table["class_name"].to_pylist()[3:6] == ["Äcker", "Äcker", ""]
    facts = json.loads(table.schema.metadata[b"hsigan"])
    assert facts["provenance"] == SAMPLES.provenance
    assert facts["class_names"] == {str(k): v for k, v in SAMPLES.class_names.items()}


def test_parquet_loses_no_band_where_wavelengths_are_nearly_equal(tmp_path):
    close = replace(SAMPLES, wavelengths_nm=np.array([500.001, 500.002, 600.0, 700.0]))
    close.save(tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").num_columns == 2 + 4


def test_spectral_library_keeps_names_wavelengths_and_provenance(tmp_path):
    SAMPLES.save(tmp_path / "a.sli")
    library = read_spectral_library(tmp_path / "a.sli")
    np.testing.assert_array_equal(library.spectra, SPECTRA)
    np.testing.assert_array_equal(library.labels, SAMPLES.labels)
    np.testing.assert_allclose(library.wavelengths_nm, SAMPLES.wavelengths_nm)
    assert dict(library.class_names) == SAMPLES.class_names
    assert json.loads(library.provenance) == SAMPLES.provenance


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".sli"])
def test_a_failed_write_keeps_what_was_there(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    SAMPLES.save(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    broken = replace(SAMPLES, provenance={"not": object()})
    with pytest.raises(TypeError):
        broken.save(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_places_and_endings_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"written as \.npz"):
        SAMPLES.save(tmp_path / "a.csv")
    (tmp_path / "file").write_text("")
    for suffix in (".npz", ".parquet", ".sli"):
        with pytest.raises(InputError):
            SAMPLES.save(tmp_path / "file" / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".sli"])
def test_blocks_give_what_the_whole_gives(tmp_path, suffix):
    whole, pieces = tmp_path / f"whole{suffix}", tmp_path / f"pieces{suffix}"
    SAMPLES.save(whole)
    blocks = (SPECTRA[start : start + 3] for start in range(0, len(SPECTRA), 3))
    replace(SAMPLES, spectra=SPECTRA[:0]).save(pieces, blocks)
    if suffix == ".parquet":
        one, other = pq.read_table(whole), pq.read_table(pieces)
        assert one.equals(other, check_metadata=True)
    elif suffix == ".sli":
        assert pieces.read_bytes() == whole.read_bytes()
    else:
        one, other = load_samples(whole), load_samples(pieces)
        np.testing.assert_array_equal(one.spectra, other.spectra)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.provenance == other.provenance


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".sli"])
def test_one_block_at_a_time_is_held(tmp_path, suffix):
    alive = []

    def blocks():
        for start in range(0, len(SPECTRA), 2):
            assert sum(block() is not None for block in alive) <= 1
            fresh = SPECTRA[start : start + 2].copy()
            alive.append(weakref.ref(fresh))
            yield fresh

    replace(SAMPLES, spectra=SPECTRA[:0]).save(tmp_path / f"a{suffix}", blocks())
    assert len(alive) == 4


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".sli"])
def test_blocks_that_do_not_fit_the_labels_leave_nothing(tmp_path, suffix):
    empty = replace(SAMPLES, spectra=SPECTRA[:0])
    for blocks in ([SPECTRA[:6]], [SPECTRA, SPECTRA[:1]], [SPECTRA[:, :3]]):
        with pytest.raises(InputError, match="7 labels"):
            empty.save(tmp_path / f"a{suffix}", blocks)
    assert list(tmp_path.iterdir()) == []


LABELS = SAMPLES.labels
BAD = {
    "no labels": {"spectra": SPECTRA},
    "one dimension": {"spectra": SPECTRA[0], "labels": LABELS},
    "too few labels": {"spectra": SPECTRA, "labels": LABELS[1:]},
    "NaN": {"spectra": np.where(SPECTRA > 0, np.nan, SPECTRA), "labels": LABELS},
    "text": {"spectra": SPECTRA.astype(str), "labels": LABELS},
    "complex": {"spectra": SPECTRA + 1j, "labels": LABELS},
    "beyond single precision": {"spectra": SPECTRA.astype(np.float64) + 1e300, "labels": LABELS},
    "text labels": {"spectra": SPECTRA, "labels": LABELS.astype(str)},
    "broken labels": {"spectra": SPECTRA, "labels": LABELS + 0.5},
    "NaN labels": {"spectra": SPECTRA, "labels": LABELS * np.nan},
    "pickled": {"spectra": SPECTRA.astype(object), "labels": LABELS},
    "names": {"spectra": SPECTRA, "labels": LABELS, "class_names": ["a"], "class_ids": [1, 2]},
    "provenance": {"spectra": SPECTRA, "labels": LABELS, "provenance": "{"},
    "patches that are not square": {"patches": np.ones((len(LABELS), 4, 5, 3)), "labels": LABELS},
    "NaN patches": {"patches": np.full((len(LABELS), 4, 3, 3), np.nan), "labels": LABELS},
    "complex patches": {
        "spectra": SPECTRA,
        "patches": np.ones((*SPECTRA.shape, 3, 3)) + 1j,
        "labels": LABELS,
    },
}


@pytest.mark.parametrize("arrays", BAD.values(), ids=BAD.keys())
def test_wrong_arrays_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=r"a\.npz"):
        load_samples(tmp_path / "a.npz")


def test_wrong_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    SAMPLES.save(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[200:260] = bytes(60)
    for content in (whole[:100], b"", b"text", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npz"):
            load_samples(path)
    with path.open("wb") as file:
        np.save(file, SPECTRA)
    with pytest.raises(InputError, match=r"a\.npz"):
        load_samples(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spectra.npy", b"garbage")
        archive.writestr("labels.npy", b"garbage")
    with pytest.raises(InputError, match=r"a\.npz"):
        load_samples(path)
    with pytest.raises(InputError, match=r"none\.npz"):
        load_samples(tmp_path / "none.npz")


def test_anybodys_samples_need_spectra_and_labels_alone(tmp_path):
    np.savez(tmp_path / "a.npz", spectra=SPECTRA.astype(np.float64), labels=LABELS.astype(float))
    again = load_samples(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.spectra, SPECTRA)
    np.testing.assert_array_equal(again.labels, LABELS)
