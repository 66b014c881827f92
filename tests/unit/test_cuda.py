"""The CUDA backend without a GPU: which functions it calls, and that every call gives what NumPy gives."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import array_api_strict
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import backend as backends
from tamscore import job_file, pipeline
from tamscore.backend import cubins, cuda, cuda_device, kernels, launch, lean, rapids, rmm_pool
from tamscore.backend.host import HostBackend
from tamscore.backend.namespace import Namespace
from tamscore.backend.reader import LEAN, RAPIDS, ReadingWork, choose_reader
from tamscore.engine import device, task, versions
from tamscore.engine.device import DeviceChoice
from tamscore.errors import DeviceError, InputContractError, MemoryLimitError
from tamscore.progress import Progress
from tamscore.schema import InputColumns, Partition, Piece
from tamscore.scoring import manifest, memory_plan
from tests import emulated
from tests.fake_gpu import FakeGpu
from tests.platform import gpu_calls

needs_compiler = pytest.mark.skipif(emulated.COMPILER is None, reason="no C++ compiler here")


def test_clip_is_cupys_own_and_all_else_the_standards():
    """One kernel in place of 65: CuPy's `clip` keeps NaN and the sign of zero as NumPy's does."""
    cupy: Any = SimpleNamespace(clip=np.clip)
    xp = Namespace(array_api_strict, cupy, np.matmul)
    assert (xp.clip, xp.matmul) == (np.clip, np.matmul)
    assert xp.take is array_api_strict.take
    values = np.array([-0.0, np.nan, 3.0])
    clipped = xp.clip(values, 0.0, 1.0)
    assert np.signbit(clipped[0])
    assert np.isnan(clipped[1])


def test_clip_is_called_with_its_bounds_in_place():
    """CuPy names the bounds `a_min` and `a_max`, the standard `min` and `max`: neither may be called by name."""
    clips = [call for call in gpu_calls.calls() if call.name == "cupy.clip" and call.positional >= 0]
    assert len(clips) > 5
    assert {(call.positional, call.keywords) for call in clips} == {(3, ())}


def finding(*modules: str) -> Any:
    return lambda name: object() if name in modules else None


@pytest.mark.parametrize("absent", [None, *RAPIDS])
def test_the_full_reader_is_chosen_only_if_rapids_is_installed_whole(absent):
    reader = choose_reader(finding(*(name for name in (*LEAN, *RAPIDS) if name != absent)))
    assert reader.name == ("full" if absent is None else "lean")
    assert absent is None or f"{RAPIDS[absent]} is not installed" in reader.reason
    assert reader.missing == ()


@pytest.mark.parametrize(
    ("rows", "processors", "expected"),
    [
        (23_000_000, 2, "lean"),
        (24_000_000, 2, "full"),
        (185_000_000, 16, "lean"),
        (186_000_000, 16, "full"),
        (0, 0, "lean"),
    ],
)
def test_of_two_readers_the_one_that_costs_less_is_taken(rows, processors, expected):
    """By figures of a CPU: numbers to decode, and processors a GPU to do it."""
    reader = choose_reader(finding(*LEAN, *RAPIDS), ReadingWork(rows * 30, processors))
    assert reader.name == expected
    assert f"{rows * 30:,} numbers, {processors} processors a GPU: the host decodes in" in reader.reason


def test_a_reader_that_is_not_installed_is_not_taken_however_much_there_is_to_read():
    assert choose_reader(finding(*LEAN), ReadingWork(10**12, 1)).name == "lean"


def test_the_size_of_a_run_chooses_its_reader_and_the_backend_follows(monkeypatch):
    """More GPUs leave each fewer processors; a CPU has no reader."""
    monkeypatch.setattr(device, "find_spec", finding(*LEAN, *RAPIDS))
    gpus = DeviceChoice("cuda", "as asked", ("H200",))
    fed = [choice.choose_reader(100_000_000, 30, 16) for choice in (gpus, replace(gpus, gpus=("H200",) * 2))]
    assert [choice.reader and choice.reader.name for choice in fed] == ["lean", "full"]
    assert [choice.is_fed_by_rapids for choice in fed] == [False, True]
    assert DeviceChoice("cpu", "as asked").choose_reader(10**9, 30, 1).reader is None
    assert type(backends.load("cuda", "full")) is rapids.RapidsBackend
    assert type(backends.load("cuda", "lean")) is cuda.CudaBackend


@pytest.mark.parametrize(("backend", "pool"), [(cuda.CudaBackend(), lean), (rapids.RapidsBackend(), rmm_pool)])
def test_each_reader_has_its_own_pool_of_memory(monkeypatch, backend, pool):
    monkeypatch.setattr(cuda_device, "_device", lambda start_pool: start_pool)
    assert backend.device is pool.start_pool


def test_what_every_reader_needs_is_named_where_it_is_missing():
    assert choose_reader(finding(*RAPIDS)).missing == tuple(LEAN.values())


def test_no_lean_column_is_lost_or_moved_between_batches(monkeypatch):
    """Rows that come a few at a time are put together to at least so many, in order, to the last row."""
    monkeypatch.setattr(lean, "BATCH_ROWS", 500)
    columns = np.arange(4_400.0).reshape(2, 2_200)
    parts = np.split(columns, range(170, 2_200, 170), axis=1)
    blocks = list(lean.batches(iter([list(part) for part in parts])))
    assert [block.shape[1] for block in blocks] == [510, 510, 510, 510, 160]
    assert np.array_equal(np.concatenate(blocks, axis=1), columns)


def market(folder: Any, rows: int = 900) -> Partition:
    path = folder / "part.parquet"
    table = pa.table({"x": np.arange(float(rows)), "i": np.arange(rows)})
    pq.write_table(table, path, compression=None, use_dictionary=False, write_page_checksum=True)
    return Partition(0, (Piece(str(path), (0,), rows),))


def test_the_lean_reader_refuses_a_page_whose_checksum_does_not_fit(tmp_path):
    """A flipped bit in a number is found on the way to the GPU, as on the way to a CPU."""
    partition = market(tmp_path)
    path = tmp_path / "part.parquet"
    data = bytearray(path.read_bytes())
    data[data.index(np.float64(500.0).tobytes())] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r"CRC"):
        list(emulated.EmulatedCuda().read(partition, ["x"]))


@needs_compiler
@pytest.mark.parametrize("k", [65, 130])
def test_without_cublas_our_own_product_gives_the_same_labels_and_distances(rng, k):
    backend = emulated.EmulatedCuda(blas=False)
    block = rng.integers(-9_000, 9_000, (33, 500)).astype(np.float32)
    centers = rng.integers(-9_000, 9_000, (k, 33)).astype(np.float64)
    near, text = backend.nearest(block, centers), kernels.nearest(np, block, centers)
    assert np.array_equal(near.label, text.label)
    assert np.array_equal(near.sq_distance, text.sq_distance)
    assert np.array_equal(near.second_sq_distance, text.second_sq_distance)
    assert np.array_equal(backend.label(block, kernels.sq_norms(np, block), centers), text.label)


@needs_compiler
@pytest.mark.parametrize("shape", [(6, 17, 300), (1, 0, 5), (3, 4, 0)])
def test_our_own_product_is_that_of_whole_numbers(rng, shape):
    """For any number of rows of the first factor, no features, and no rows."""
    k, d, m = shape
    a, x = (rng.integers(-(2**20), 2**20, size).astype(np.float64) for size in ((k, d), (d, m)))
    assert np.array_equal(emulated.EmulatedCuda(blas=False).device.kernels.product(a, x), a @ x)


# grids and tiles


EVERY_GPU = pytest.mark.parametrize("capability", emulated.GPUS, ids=str)


def fitted(capability: tuple[int, int], width: int, name: str) -> launch.Launch:
    tiles = [
        launch.KernelTile.of(emulated.function(width, item), item, rows) for item, rows in launch.tiles_of(width, name)
    ]
    return launch.fit_launch(emulated.GPUS[capability], tiles)


@pytest.mark.parametrize(
    ("capability", "name", "expected"),
    [
        ((7, 5), "accumulate_12", ("accumulate_small_12", 128, 40 * 3)),
        ((8, 0), "accumulate_12", ("accumulate_12", 256, 108 * 4)),
        ((8, 6), "accumulate_12", ("accumulate_small_12", 128, 72 * 4)),
        ((8, 9), "accumulate_12", ("accumulate_small_12", 128, 58 * 4)),
        ((9, 0), "accumulate_12", ("accumulate_12", 256, 132 * 4)),
        ((10, 0), "accumulate_12", ("accumulate_12", 256, 148 * 4)),
        ((12, 0), "accumulate_12", ("accumulate_small_12", 128, 170 * 4)),
        ((7, 5), "add_rows", ("add_rows_small", 128, 40 * 3)),
        ((9, 0), "add_rows", ("add_rows", 256, 132 * 6)),
        ((7, 5), "label_12", ("label_12", 512, 40 * 8)),
        ((9, 0), "label_12", ("label_12", 512, 132 * 8)),
    ],
)
def test_registers_and_shared_memory_choose_the_tile_and_the_number_of_blocks(capability, name, expected):
    """T4, A10, L4 and others have room for two large tiles at most: they take the small one."""
    width = 12 if name.endswith("12") else 0
    assert fitted(capability, width, name) == launch.Launch(*expected)


def test_blocks_at_home_are_bounded_by_each_of_the_limits():
    limits = launch.Limits(10, 65_536, 100_000, 1_000, 1_536, 16)
    assert limits.at_home(32, 0) == 1_536 // 128
    assert limits.at_home(128, 0) == 4
    assert limits.at_home(129, 0) == 3  # registers of a warp come in pieces of 256
    assert limits.at_home(32, 24_001) == 3  # a block takes 1,000 bytes for itself
    assert launch.Limits(10, 65_536, 10**6, 0, 2_048, 2).at_home(32, 0) == 2


def test_a_kernel_that_fits_nowhere_is_still_started():
    """The driver then says what is wrong; nothing waits for a block that never comes."""
    assert launch.fit_launch(emulated.GPUS[7, 5], [launch.KernelTile("x", 128, 255, 90_000)]).blocks == 40


def test_limits_are_what_cuda_says_of_a_device():
    names = ("multiProcessorCount", "regsPerMultiprocessor", "sharedMemPerMultiprocessor", "reservedSharedMemPerBlock")
    numbers = dict(zip((*names, "maxThreadsPerMultiProcessor", "maxBlocksPerMultiProcessor"), range(6), strict=True))
    assert launch.Limits.of(numbers | {"name": b"GPU"}) == launch.Limits(0, 1, 2, 3, 4, 5)


@needs_compiler
@EVERY_GPU
@pytest.mark.parametrize("k", [8, 11, 16, 32, 64, 70])
def test_every_gpu_and_tile_gives_the_bytes_of_the_host(rng, capability, k):
    """Over more rows than all blocks take at a time, and twice, so that tables are those of the pass before."""
    backend, host = emulated.EmulatedCuda(capability=capability), HostBackend()
    for d in (5, 33):
        block = rng.integers(-9_000, 9_000, (d, 3_001)).astype(np.float32)
        centers = rng.integers(-9_000, 9_000, (k, d)).astype(np.float64)
        norms = kernels.sq_norms(np, block)
        wanted = host.sides(block, norms, centers)
        for _ in range(2):
            sides = backend.sides(block, norms, centers)
            assert np.array_equal(sides.label, wanted.label)
            assert (sides.sums.tobytes(), sides.counts.tobytes()) == (wanted.sums.tobytes(), wanted.counts.tobytes())
            assert np.array_equal(backend.label(block, norms, centers), wanted.label)
            assert backend.segment_sum(block, wanted.label, k).tobytes() == wanted.sums.tobytes()


@needs_compiler
def test_a_pass_takes_the_tables_of_the_one_before(rng):
    made = emulated.device_of.__wrapped__(True, (9, 0)).kernels
    block = rng.integers(-9, 9, (4, 300)).astype(np.float32)
    made.sums(block, np.zeros(300, np.int64), 3)
    (tables,) = (item for items in made.spare.values() for item in items)
    made.sums(block, np.zeros(300, np.int64), 3)
    assert [item is tables for items in made.spare.values() for item in items] == [True]
    assert not tables.any()


@needs_compiler
def test_tables_of_a_pass_that_breaks_off_are_not_taken_again(rng, monkeypatch):
    """After memory ran out between sums and their end, the blocks are halved: half sums must not be in the way."""
    made = emulated.device_of.__wrapped__(True, (9, 0)).kernels
    block, label = rng.integers(-9, 9, (4, 300)).astype(np.float32), np.zeros(300, np.int64)
    wanted = made.sums(block, label, 3)
    with monkeypatch.context() as patch:
        patch.setattr(launch.Kernels, "start", failing_at_fold(launch.Kernels.start))
        with pytest.raises(MemoryError):
            made.sums(block, label, 3)
    assert all(map(np.array_equal, made.sums(block, label, 3), wanted))


def failing_at_fold(start: Any) -> Any:
    def starting(self: Any, width: int, name: str, *given: Any) -> None:
        if name == "fold_tables":
            raise MemoryError
        start(self, width, name, *given)

    return starting


# faults


class CUDARuntimeError(RuntimeError):
    """What CuPy raises, as far as its name and its home go."""

    __module__ = "cupy_backends.cuda.api.runtime"


ILLEGAL = CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered")
FULL = CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
OF_CUDF = RuntimeError("CUDA error encountered at: file.cu:42: 700 cudaErrorIllegalAddress an illegal memory access")


def raising(error: Exception) -> Any:
    def work(*_: Any) -> Any:
        raise error

    return work


@pytest.mark.parametrize("error", [ILLEGAL, OF_CUDF], ids=["CuPy", "cuDF"])
def test_work_that_a_gpu_fails_at_is_a_device_error(error):
    with pytest.raises(DeviceError, match=r"^the GPU fails: .*cudaErrorIllegalAddress.*nvidia-smi.*device = 'cpu'"):
        task.perform(raising(error), "part 0", 0)


def test_full_memory_of_a_gpu_halves_blocks_and_ends_as_memory():
    """Whatever library says so, and in whatever kind of error."""
    seen: list[int] = []

    def work(_: Any, backend: FakeGpu) -> None:
        seen.append(backend.block_rows)
        raise FULL

    with pytest.raises(MemoryLimitError, match=r"part 0: out of memory .*cudaErrorMemoryAllocation"):
        task.perform(work, "part 0", 0, FakeGpu(64))
    assert seen == [64, 32, 16, 8]


class Broken(FakeGpu):
    """A GPU that fails once labels are asked for."""

    def label(self, x: Any, sq_norms: Any, centers: Any) -> Any:
        raise ILLEGAL


def test_a_run_whose_gpu_fails_ends_with_its_exit_code_and_names_no_file(tmp_path):
    pq.write_table(
        pa.table({"account_id": [f"C{i}" for i in range(300)], "sales": np.ones(300), "size": np.arange(300.0)}),
        tmp_path / "market.parquet",
    )
    tables: dict[str, Any] = {"input": {"path": str(tmp_path / "market.parquet")}}
    tables |= {"output": {"path": str(tmp_path / "out")}}
    tables |= {"columns": {}, "features": {"numeric": {"size": "standard"}}, "clusters": {"k": 2}}
    with pytest.raises(DeviceError, match="the GPU fails: CUDARuntimeError") as caught:
        pipeline.run(job_file.parse(tables | {"leakage": {"action": "off"}}), Progress(), Broken())
    assert caught.value.exit_code == 7


class Rapids(rapids.RapidsBackend):
    """The full reader with NumPy in CuPy's place."""

    device = SimpleNamespace(cp=np)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (OF_CUDF, DeviceError, "the GPU fails"),
        (ILLEGAL, DeviceError, "the GPU fails"),
        (RuntimeError("CUDF failure at: reader.cu:7: Corrupted header"), InputContractError, "write the file again"),
    ],
)
def test_only_a_file_that_cudf_cannot_decode_is_to_be_written_again(tmp_path, monkeypatch, error, expected, message):
    monkeypatch.setattr(rapids, "tables", raising(error))
    with pytest.raises(expected, match=message):
        list(Rapids().read(market(tmp_path), ["x"]))


class Chunk:
    """A table of cuDF, as far as it is used."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Chunk:
        return self

    def astype(self, kind: str) -> Chunk:
        return Chunk(self.values.astype(kind))

    def to_cupy(self, na_value: float) -> Any:
        return self.values


@pytest.mark.parametrize("rows", [None, [0, 399, 400, 899], [450], []])
def test_the_full_reader_takes_rows_from_the_chunk_they_are_in(tmp_path, monkeypatch, rows):
    """At least one chunk comes, if only with no rows; chunks end anywhere."""
    chunks = [Chunk(part) for part in np.split(np.arange(900), [400, 700])]
    monkeypatch.setattr(rapids, "tables", lambda *_: iter(chunks))
    wanted = None if rows is None else np.array(rows, np.int64)
    read = list(Rapids().read(market(tmp_path), ["x"], wanted))
    assert np.concatenate([columns[0] for columns in read]).tolist() == (list(range(900)) if rows is None else rows)


@pytest.mark.parametrize("parts", [[400], [400, 700, 900, 901]])
def test_a_file_with_fewer_or_more_rows_than_its_footer_says_is_refused(tmp_path, monkeypatch, parts):
    chunks = [Chunk(np.arange(rows)) for rows in np.diff([0, *parts])]
    monkeypatch.setattr(rapids, "tables", lambda *_: iter(chunks))
    with pytest.raises(InputContractError, match="number of rows differs from its footer"):
        list(Rapids().read(market(tmp_path), ["x"]))


def test_the_gpu_of_a_process_is_named_by_the_uuid_of_its_slice():
    """Two slices of a GPU (MIG) have one address on the bus: that one would be told to be shared."""
    uuid = UUID(int=7)

    def named(text: Any, handle: Any) -> int:
        text.raw = uuid.bytes
        return 0

    driver = SimpleNamespace(cuDeviceGet=lambda *_: 0, cuDeviceGetUuid_v2=named)
    assert cuda_device.uuid_of(driver, 0) == str(uuid)
    with pytest.raises(DeviceError, match="does not name GPU 0: error 101"):
        cuda_device.uuid_of(SimpleNamespace(cuDeviceGet=lambda *_: 101, cuDeviceGetUuid_v2=named), 0)


def test_a_default_stream_for_each_thread_is_off_and_refused_where_it_is_on():
    """Kept blocks are filled by one thread and read by others."""
    assert os.environ["CUPY_CUDA_PER_THREAD_DEFAULT_STREAM"] == "0"
    for stream in (0, 2):
        cupy = SimpleNamespace(cuda=SimpleNamespace(get_current_stream=lambda at=stream: SimpleNamespace(ptr=at)))
        if stream == 0:
            cuda_device.require_one_stream(cupy)
            continue
        with pytest.raises(DeviceError, match="unset it"):
            cuda_device.require_one_stream(cupy)


def test_the_memory_check_counts_what_a_reader_holds_beside_the_columns():
    """A lean batch, or the pages and chunks of cuDF, up to what the rows are."""
    columns = InputColumns("id", "sales", numeric=tuple("abcdefg"))
    lean_reader, full = cuda.CudaBackend(), rapids.RapidsBackend()
    assert lean_reader.reading_bytes(100, 8) == 6_400
    assert lean_reader.reading_bytes(10**7, 8) == 8 * 8 * (lean.BATCH_ROWS + 65_536)
    assert full.reading_bytes(10**9, 8) == rapids.PASS_BYTES + 2 * rapids.CHUNK_BYTES
    rows = 1_000_000

    class Exactly(FakeGpu):
        beside = 0

        def memory(self) -> int:
            return rows * memory_plan.row_bytes(columns) + self.block_rows // 8 * memory_plan.block_bytes(columns)

        def reading_bytes(self, rows: int, columns: int) -> int:
            return self.beside

    flow: Any = SimpleNamespace(workers=1, memories=1)
    partition, exact = Partition(0, (Piece("market.parquet", (0,), rows),)), Exactly()
    memory_plan.require_start([partition], columns, exact, flow)
    exact.beside = 1
    with pytest.raises(MemoryLimitError):
        memory_plan.require_start([partition], columns, exact, flow)


def test_a_manifest_is_written_where_a_package_such_as_dask_is_not_installed(monkeypatch):
    """A run of threads needs no Dask; it must not fail in its last step for want of a version."""
    monkeypatch.setattr(manifest, "PACKAGES", ("numpy", "no-such-package"))
    packages = manifest.packages_of(DeviceChoice("cpu", "as asked"))
    assert packages == {"numpy": np.__version__, "no-such-package": "missing"}
    assert versions.installed_version(("numpy",)) == np.__version__


# kernels that come compiled


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((8, 0), "sm_80"), ((8, 9), "sm_86"), ((9, 0), "sm_90"), ((12, 1), "sm_120"), ((7, 0), None), ((11, 0), None)],
)
def test_a_gpu_takes_kernels_of_its_own_generation_that_are_not_newer(tmp_path, capability, expected):
    for each in cubins.ARCHITECTURES:
        (tmp_path / cubins.cubin_name("text", each)).touch()
    found = cubins.find_cubin("text", capability, tmp_path)
    assert (found.name.split(".")[1] if found else None) == expected
    assert cubins.find_cubin("another text", capability, tmp_path) is None


class CUDADriverError(RuntimeError):
    """What CuPy raises where a driver does not take a file."""


@pytest.mark.parametrize("taken", [True, False])
def test_kernels_that_the_driver_does_not_take_are_compiled(tmp_path, taken):
    class RawModule:
        def __init__(self, path: str) -> None:
            self.path = path

        def get_function(self, name: str) -> None:
            if not taken:
                raise CUDADriverError(name)

    place = SimpleNamespace(compute_capability="90")
    driver = SimpleNamespace(CUDADriverError=CUDADriverError)
    cupy: Any = SimpleNamespace(RawModule=RawModule, cuda=SimpleNamespace(Device=lambda: place, driver=driver))
    assert cuda_device.shipped_module(cupy, tmp_path) is None
    path = tmp_path / cubins.cubin_name(launch.SOURCE.read_text(encoding="utf-8"), (9, 0))
    path.touch()
    module = cuda_device.shipped_module(cupy, tmp_path)
    assert (module.path if module else None) == (str(path) if taken else None)


def test_a_gpu_that_does_not_start_says_so_when_it_is_used_not_when_it_warms_up():
    """Where no CuPy is, the thread ends in silence; the first array names what is wrong."""
    backend = cuda.CudaBackend()
    backend.warm_up()
    for thread in threading.enumerate():
        if thread.name == "tamscore warm-up":
            thread.join()
    with pytest.raises(DeviceError, match="the GPU cannot be used"):
        backend.put(np.zeros(1))
