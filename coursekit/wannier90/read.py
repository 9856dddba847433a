"""From the files of Wannier90 to a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.lattice import Lattice
from coursekit.wannier90.files import (
    Matrices,
    read_cell,
    read_centers,
    read_matrices,
    read_shifts,
)
from coursekit.wannier90.model import WannierModel

__all__ = ["read_wannier90"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Translation = tuple[int, ...]

# _hr.dat has six decimals, and _tb.dat eight digits: what H(−R) and H(R)† may differ by.
_DECIMALS = 2e-6
_DIGITS = 1e-6
# Bonds out of the plane that are smaller, relative to H, do not make a layer three-dimensional.
_LAYER = 1e-6


def read_wannier90(
    path: str | Path,
    *,
    lattice: ArrayLike | Lattice | None = None,
    centers: ArrayLike | None = None,
    ws_distance: bool | None = None,
    dim: int = 3,
    spin: str | ArrayLike | None = None,
) -> WannierModel:
    """A model from ``seed_tb.dat`` or ``seed_hr.dat`` of Wannier90; eV and Å.

    ``seed_tb.dat`` (``write_tb = true``) holds H, the position matrix and the lattice: all that Ω
    and σ need.  ``seed_hr.dat`` (``write_hr = true``) holds H alone: with the centres as the only
    positions, Ω and σ lack what the rest of the position matrix adds.

    Parameters
    ----------
    path : the file; what it holds, not its name, tells which of the two it is
    lattice : (3, 3) primitive vectors as rows, Å, for ``seed_hr.dat``; without it they come from
        ``seed.win`` beside it
    centers : (n, 3) Cartesian centres of the Wannier functions, Å, for ``seed_hr.dat``, as the
        last ones in ``seed.wout``; without them they come from ``seed_centres.xyz`` beside it
        (``write_xyz = true``)
    ws_distance : shift each pair of functions to its shortest distance, as ``seed_wsvec.dat``
        beside the file tells; True where it must be there, False for no shifts, None where there
        is one
    dim : 2 for a layer in the xy plane that has no bonds along z
    spin : as for :class:`TightBinding`; spinor Wannier functions mostly come in pairs, "pairs"

    Returns
    -------
    WannierModel : degeneracies of R divided out, H and r made Hermitian (r of Wannier90 is a finite
        difference in k and is so only in the limit of fine meshes)

    Raises
    ------
    FileNotFoundError : a file is not there
    ValueError : a file is cut off, garbled or does not fit the others; lattice or centres are not
        known; an H that is not Hermitian; a layer with bonds along z

    Notes
    -----
    G. Pizzi et al., J. Phys.: Condens. Matter 32, 165902 (2020), DOI 10.1088/1361-648X/ab51ff.
    ``seed_tb.dat`` has the diagonal of r from the phases of overlaps, as postw90 does with
    ``transl_inv = true``: then σ is what postw90 prints.  Its default takes their imaginary parts
    instead, another finite difference of the same order.

    Examples
    --------
    One function at (0.5, 0, 0) Å in a cubic cell, without bonds:

    >>> import pathlib, tempfile, coursekit as ck
    >>> cell, home = "3 0 0\\n 0 3 0\\n 0 0 3\\n", "\\n 0 0 0\\n"
    >>> text = f"comment\\n {cell} 1\\n 1\\n 1\\n {home} 1 1 -2 0\\n {home} 1 1 .5 0 0 0 0 0\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "seed_tb.dat")
    ...     _ = path.write_text(text)
    ...     model = ck.read_wannier90(path)
    >>> model.centers, ck.solve(model, [0.0, 0.0, 0.0]).energies
    (array([[0.5, 0. , 0. ]]), array([-2.]))
    """
    path = Path(path)
    matrices = read_matrices(path)
    n = matrices.hamiltonian.shape[-1]
    if matrices.position is None:
        matrices = _completed(path, matrices, lattice, centers)
    elif lattice is not None or centers is not None:
        raise ValueError(
            f"lattice= or centers= beside {path.name}, which holds both; expected neither"
        )
    assert matrices.lattice is not None
    assert matrices.position is not None
    cell = Lattice(matrices.lattice)
    both = np.concatenate([matrices.hamiltonian[:, None], matrices.position], axis=1)
    both /= matrices.degeneracies[:, None, None, None]
    blocks = {_key(R): block for R, block in zip(matrices.translations, both, strict=True)}
    shifts = None if ws_distance is False else _beside(path, "_wsvec.dat")
    if shifts is not None and shifts.exists():
        blocks = _shifted(blocks, read_shifts(shifts, n), path.name, shifts.name)
    elif ws_distance:
        raise FileNotFoundError(
            f"ws_distance=True, but there is no {shifts or 'seed_wsvec.dat'} beside {path.name}; "
            "expected it, as Wannier90 writes it with use_ws_distance = true"
        )
    blocks = _hermitian(blocks, path.name)
    if dim == 2:
        cell, blocks = _layer(cell, blocks, path.name)
    elif dim != 3:
        raise ValueError(f"dim={dim!r}; expected 3, or 2 for a layer")
    return WannierModel(
        cell,
        {R: block[0] for R, block in blocks.items()},
        {R: block[1:] for R, block in blocks.items()},
        spin,
    )


def _key(R: Iterable[int]) -> Translation:
    return tuple(int(x) for x in R)


def _beside(path: Path, ending: str) -> Path | None:
    """The file of the same seed, or None for a name without one."""
    for own in ("_tb.dat", "_hr.dat"):
        if path.name.endswith(own):
            return path.with_name(path.name.removesuffix(own) + ending)
    return None


def _completed(
    path: Path,
    matrices: Matrices,
    lattice: ArrayLike | Lattice | None,
    centers: ArrayLike | None,
) -> Matrices:
    """A ``_hr.dat`` with lattice and centres from elsewhere."""
    n = matrices.hamiltonian.shape[-1]
    win, xyz = _beside(path, ".win"), _beside(path, "_centres.xyz")
    if isinstance(lattice, Lattice):
        vectors = lattice.vectors
    elif lattice is not None:
        vectors = Lattice(lattice).vectors
    elif win is not None and win.exists():
        vectors = read_cell(win)
    else:
        raise ValueError(
            f"{path.name} holds no lattice and there is no {win or 'seed.win'} beside it; expected "
            "one of them; pass lattice=, or read seed_tb.dat, which holds all"
        )
    if vectors.shape != (3, 3):
        raise ValueError(f"lattice has shape {vectors.shape}; expected (3, 3), as Wannier90 has it")
    if centers is not None:
        positions = np.array(centers, dtype=float)
    elif xyz is not None and xyz.exists():
        positions = read_centers(xyz, n)
    else:
        raise ValueError(
            f"{path.name} holds no centres and there is no {xyz or 'seed_centres.xyz'} beside it; "
            "expected one of them; pass centers=, or read seed_tb.dat, which holds all"
        )
    if positions.shape != (n, 3) or not np.isfinite(positions).all():
        raise ValueError(
            f"centers have shape {positions.shape}; expected {(n, 3)} finite numbers: Cartesian, Å"
        )
    r = np.zeros((len(matrices.translations), 3, n, n), dtype=complex)
    home = (matrices.translations == 0).all(axis=1)
    # The blocks are still to be divided by their degeneracies.
    weight = matrices.degeneracies[home][:, None, None, None]
    r[home] = np.einsum("ja,ij->aij", positions, np.eye(n)) * weight
    return matrices._replace(lattice=vectors, position=r)


def _shifted(
    blocks: dict[Translation, Complexes],
    shifts: Iterable[tuple[Translation, int, int, NDArray[np.intp]]],
    name: str,
    shifts_name: str,
) -> dict[Translation, Complexes]:
    """Each element divided among the cells R + T that the shifts name."""
    out: dict[Translation, Complexes] = {}
    missing = {R: np.ones(block.shape[1:], dtype=bool) for R, block in blocks.items()}
    for R, i, j, cells in shifts:
        if R not in blocks or not missing[R][i, j]:
            raise ValueError(
                f"{shifts_name} has i={i + 1} j={j + 1} at R={R} "
                f"{'twice' if R in blocks else f'which is not in {name}'}; expected the pairs of "
                "that file, each once; write both in one run, or pass ws_distance=False"
            )
        missing[R][i, j] = False
        for T in cells:
            there = _key(T + R)
            if there not in out:
                out[there] = np.zeros_like(blocks[R])
            out[there][:, i, j] += blocks[R][:, i, j] / len(cells)
    for R, left in missing.items():
        if left.any():
            i, j = np.argwhere(left)[0]
            raise ValueError(
                f"{shifts_name} lacks i={i + 1} j={j + 1} at R={R} of {name}; expected the pairs "
                "of that file, each once; write both in one run, or pass ws_distance=False"
            )
    return out


def _hermitian(blocks: dict[Translation, Complexes], name: str) -> dict[Translation, Complexes]:
    """(X(R) + X(−R)†)/2 of all matrices; for H both must agree to what the file prints."""
    scale = max(float(abs(block[0]).max()) for block in blocks.values())
    out = {}
    for R, block in blocks.items():
        minus_R = tuple(-x for x in R)
        if minus_R not in blocks:
            raise ValueError(
                f"{name} has R={R} and not R={minus_R}; expected both of them; the list of lattice "
                "vectors is cut or edited"
            )
        partner = blocks[minus_R].conj().swapaxes(-1, -2)
        off = float(abs(block[0] - partner[0]).max())
        if off > _DECIMALS + _DIGITS * scale:
            i, j = np.unravel_index(abs(block[0] - partner[0]).argmax(), partner[0].shape)
            raise ValueError(
                f"{name}: H({i + 1}, {j + 1}) at R={R} and H({j + 1}, {i + 1}) at R={minus_R} are "
                f"off by {off:.3g} from each other's conjugate; expected H(−R) = H(R)†; the file "
                "is edited, or its _wsvec.dat belongs to another"
            )
        out[R] = (block + partner) / 2
    return out


def _layer(
    cell: Lattice, blocks: dict[Translation, Complexes], name: str
) -> tuple[Lattice, dict[Translation, Complexes]]:
    """The model of a layer in the xy plane."""
    a = cell.vectors
    size = abs(a).max()
    if max(abs(a[:2, 2]).max(), abs(a[2, :2]).max()) > 1e-6 * size:
        raise ValueError(
            f"{name} with dim=2 has the lattice {a.tolist()}; expected the first two vectors in "
            "the xy plane and the third along z"
        )
    scale = max(float(abs(block[0]).max()) for block in blocks.values())
    flat = {}
    for R, block in blocks.items():
        if R[2] == 0:
            flat[R[:2]] = block[:3]
        elif abs(block[0]).max() > _LAYER * scale:
            raise ValueError(
                f"{name} with dim=2 has bonds of {abs(block[0]).max():.3g} along z at R={R}; "
                "expected a layer without them; leave dim=2 out"
            )
    return Lattice(a[:2, :2]), flat
