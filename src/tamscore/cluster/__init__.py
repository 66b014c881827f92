"""k-means with scikit-learn's protocol: seeded by many starts, refined by mini-batches, settled by full passes.

Rows are turned into whole numbers whose sums are exact (see `stages.grid`), and drawn by a hash of what they hold. So a
fit depends neither on the order of the rows, nor on the number of threads, nor on the device.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from tamscore import backend as backends
from tamscore.cluster.draws import RowDraws, chunks, deal_blocks, draw, hashes_of_ids, seed_rows, weighed_sum
from tamscore.cluster.matrix import matrix_of, whole_weights
from tamscore.cluster.parameters import fits_of, require_parameters, seed_of, seed_rows_of, threads_of
from tamscore.engine.flow import LocalFlow
from tamscore.scoring.arguments import Recipe
from tamscore.scoring.fit.centers import fit_best
from tamscore.scoring.fit.resident_rows import ResidentRows
from tamscore.stages.blocks import spans_of
from tamscore.stages.lattice import fit_lattice, sq_distances

if TYPE_CHECKING:
    from tamscore.backend import Array, Backend
    from tamscore.cluster.matrix import Matrix
    from tamscore.stages.lattice import Lattice

__all__ = ["MiniBatchKMeans"]


class MiniBatchKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """k-means that finds the same clusters whatever the order of the rows, the number of threads, and the device.

    It takes what scikit-learn's estimators take (arrays, lists, pandas and polars DataFrames), Arrow tables, and CuPy
    arrays. Numbers only, all finite; scale the columns first, since a distance adds them up.

    Parameters
    ----------
    n_clusters : int, optional
        The number of clusters, from 1.
    n_init : int or "auto", optional
        The most fits. Each has seed rows of its own and 8 full passes, and the best two go on. No more follow once four
        came to the same inertia. "auto" takes 8 below 48 clusters, else 1.
    n_starts : int, optional
        The number of k-means++ starts of a fit on its seed rows. The best one is refined.
    init_size : int or "auto", optional
        The number of seed rows of a fit, at least `n_clusters`, drawn by hash. "auto" takes 10,000, or 600 for each
        cluster if that is more.
    batch_size : int, optional
        The rows of a mini-batch. The mini-batches go through all rows once.
    max_iter : int, optional
        The most full passes over all rows after that. They end when inertia falls by less than a millionth.
    n_jobs : int or None, optional
        The number of threads. None and -1 take one for each processor that the process may use.
    device : "cpu", "cuda" or None, optional
        Where the arithmetic runs. None computes where the rows lie: on the GPU for CuPy arrays, else on the CPU.
    random_state : int, RandomState or None, optional
        The seed of the draws. With None every fit draws other rows.

    Attributes
    ----------
    cluster_centers_ : array (k, d)
        The centers in order of size, the largest cluster first. They have the type of the rows and lie where the rows
        lie. There are fewer than `n_clusters` if there are fewer distinct rows, and a ConvergenceWarning says so.
    labels_ : array (n,)
        The cluster of each row, int32.
    inertia_ : float
        The sum of squared distances of the rows to their centers, each as often as its weight says.
    n_iter_ : int
        The number of full passes.
    n_steps_ : int
        The number of mini-batches before them.
    n_features_in_ : int
        The number of columns of the rows that it was fitted on.
    feature_names_in_ : array (d,)
        The names of these columns, if the rows had names.

    Notes
    -----
    Mini-batches after Sculley (2010), seeds after Arthur & Vassilvitskii (2007) and Bradley & Fayyad (1998), moves of
    badly placed seeds after Fritzke (2020). All columns share one grid of about 10 million steps: next to a value of
    10^9, differences below 100 are not seen. There is no `partial_fit`: draws need all rows.
    `fit_predict`, `fit_transform`, `set_output` and the like are those of scikit-learn.

    Examples
    --------
    >>> from tamscore import MiniBatchKMeans
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0]]
    >>> model = MiniBatchKMeans(n_clusters=2).fit(X)
    >>> model.cluster_centers_
    array([[ 1.,  2.],
           [10.,  3.]])
    >>> model.predict([[0.0, 0.0], [12.0, 3.0]])
    array([0, 1], dtype=int32)
    >>> bool((MiniBatchKMeans(n_clusters=2).fit(X[::-1]).labels_ == model.labels_[::-1]).all())
    True
    """

    def __init__(  # noqa: PLR0913 - an estimator has as many parameters as it has
        self,
        n_clusters: int = 8,
        *,
        n_init: int | Literal["auto"] = "auto",
        n_starts: int = 1,
        init_size: int | Literal["auto"] = "auto",
        batch_size: int = 65_536,
        max_iter: int = 300,
        n_jobs: int | None = None,
        device: Literal["cpu", "cuda"] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.n_starts = n_starts
        self.init_size = init_size
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, ids: Any = None) -> Self:  # noqa: N803
        """Fit the centers to rows.

        Parameters
        ----------
        X : array-like (n, d)
            The rows, all finite numbers.
        y : ignored, optional
            Not used.
        sample_weight : array-like (n,), optional
            The weight of each row, as whole numbers. A row of weight 2 counts as two equal rows, one of weight 0 not at
            all. Memory grows with the sum of the weights.
        ids : array-like (n,), optional
            A text or whole number for each row, each once. Rows are drawn by them instead of by what they hold, so that
            draws stay as they are if the rows change.

        Returns
        -------
        MiniBatchKMeans
            The estimator itself.

        Raises
        ------
        ValueError
            If rows, weights, ids or parameters are invalid.
        DeviceError
            If a GPU is asked for that cannot compute.

        Warns
        -----
        ConvergenceWarning
            If there are fewer distinct rows than clusters.

        Examples
        --------
        >>> from tamscore import MiniBatchKMeans
        >>> MiniBatchKMeans(1).fit([[0.0], [3.0]], sample_weight=[2, 1]).cluster_centers_
        array([[1.]])
        """
        del y
        require_parameters(self)
        matrix = matrix_of(self, X, reset=True)
        weights = whole_weights(sample_weight, len(matrix))
        count = len(matrix) if weights is None else int(weights.sum())
        if count < self.n_clusters:
            raise ValueError(f"n_samples={count} should be >= n_clusters={self.n_clusters}.")
        backend, seed = self._backend(matrix), seed_of(self.random_state)
        draws = RowDraws(seed, weights, None if ids is None else hashes_of_ids(ids, len(matrix)))
        counted, draws = draws.counted_rows(matrix)
        self._lattice = fit_lattice(backend.xp if matrix.home else np, counted.values)
        with LocalFlow(threads_of(self.n_jobs), guest=True) as flow:
            drawn = draw(counted, self._lattice, backend, draws)
            rows = ResidentRows(flow, deal_blocks(drawn, backend, flow.workers))
            fits, size = fits_of(self), seed_rows_of(self)
            seeds = (seed_rows(drawn, turn, size, backend) for turn in range(fits))
            recipes = (self._recipe(seed * fits + turn, size) for turn in range(fits))
            spans = spans_of(count, self.batch_size)
            fit = fit_best(rows, zip(seeds, recipes, strict=True), spans, flow, self.max_iter)
        self._adopt_fit(fit, matrix)
        self.labels_, sq_distance = self._nearest(matrix, backend)
        self.inertia_ = weighed_sum(backend, sq_distance, weights)
        self.labels_ = matrix.given_back(backend, self.labels_)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Find the nearest center of each row.

        Parameters
        ----------
        X : array-like (n, d)
            The rows, all finite numbers.

        Returns
        -------
        array (n,)
            The cluster of each row, int32, where the rows lie. Of equally near ones it is the first.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the columns are others than those of the fit, or not all numbers are finite.

        Examples
        --------
        >>> from tamscore import MiniBatchKMeans
        >>> MiniBatchKMeans(2).fit([[0.0], [1.0], [9.0]]).predict([[7.0]])
        array([1], dtype=int32)
        """
        check_is_fitted(self)
        matrix = matrix_of(self, X, reset=False)
        backend = self._backend(matrix)
        return matrix.given_back(backend, self._nearest(matrix, backend)[0])

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Compute the distances of each row to each center.

        Parameters
        ----------
        X : array-like (n, d)
            The rows, all finite numbers.

        Returns
        -------
        array (n, k)
            The distances, of the type of X, where the rows lie. With `set_output` it is a DataFrame of columns
            `minibatchkmeans0` and so on.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the columns are others than those of the fit, or not all numbers are finite.

        Examples
        --------
        >>> from tamscore import MiniBatchKMeans
        >>> MiniBatchKMeans(2).fit([[0.0], [1.0], [9.0]]).transform([[8.5]])
        array([[8. , 0.5]])
        """
        check_is_fitted(self)
        matrix = matrix_of(self, X, reset=False)
        backend = self._backend(matrix)
        xp, centers = backend.xp, backend.put(self._centers * self._lattice.grid.unit)
        parts = []
        for chunk in chunks(matrix, backend):
            far = sq_distances(xp, self._lattice.scale_lattice(backend, chunk), centers)
            parts.append(xp.astype(xp.sqrt(far).T * self._lattice.scale, matrix.values.dtype))
        return matrix.given_back(backend, xp.concat(parts))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Compute minus the sum of squared distances of rows to their centers. Greater is better.

        Parameters
        ----------
        X : array-like (n, d)
            The rows, all finite numbers.
        y : ignored, optional
            Not used.
        sample_weight : array-like (n,), optional
            The weight of each row, as for `fit`.

        Returns
        -------
        float
            The score, 0 or less.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the columns are others than those of the fit, or not all numbers are finite.

        Examples
        --------
        >>> from tamscore import MiniBatchKMeans
        >>> MiniBatchKMeans(2).fit([[0.0], [1.0], [9.0]]).score([[0.0], [1.0], [7.0]])
        -4.5
        """
        del y
        check_is_fitted(self)
        matrix = matrix_of(self, X, reset=False)
        backend = self._backend(matrix)
        sq_distance = self._nearest(matrix, backend)[1]
        return -weighed_sum(backend, sq_distance, whole_weights(sample_weight, len(matrix)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self._centers)

    def _nearest(self, matrix: Matrix, backend: Backend) -> tuple[Array, Array]:
        """The label (n,) int32 of each row and its squared distance (n,) float64, on the device that computes."""
        xp, centers = backend.xp, backend.put(self._centers)
        threads = 1 if backend.name == "cuda" else threads_of(self.n_jobs)
        with LocalFlow(threads, guest=True) as flow:
            result = flow.map(_nearest_of, chunks(matrix, backend), self._lattice, backend, centers)
            labels, sq_distances = zip(*result, strict=True)
        return xp.astype(xp.concat(labels), xp.int32), xp.concat(sq_distances)

    def _adopt_fit(self, fit: Any, matrix: Matrix) -> None:
        """Take over what a fit has found."""
        if len(fit.centers) < self.n_clusters:
            text = f"Number of distinct clusters ({len(fit.centers)}) found smaller than n_clusters ({self.n_clusters})"
            warnings.warn(f"{text}: there are not as many distinct rows", ConvergenceWarning, stacklevel=3)
        self._centers, self.n_iter_, self.n_steps_ = fit.centers, fit.passes, fit.batches
        dtype = np.float32 if str(matrix.values.dtype).endswith("float32") else np.float64
        self.cluster_centers_ = matrix.brought_home(self._lattice.raw(fit.centers).astype(dtype))

    def _backend(self, matrix: Matrix) -> Backend:
        """The backend of the device that computes."""
        if self.device == "cpu" and matrix.home is not None:
            raise ValueError("device='cpu': got an array on a GPU; set device=None, or copy it with cupy.asnumpy(X)")
        return matrix.home or backends.load(self.device or "cpu")

    def _recipe(self, seed: int, rows: int) -> Recipe:
        starts, batch, passes = self.n_starts, self.batch_size, self.max_iter
        return Recipe(self.n_clusters, seed, rows, starts, batch, passes, moves=True)


def _nearest_of(rows: Array, lattice: Lattice, backend: Backend, centers: Array) -> tuple[Array, Array]:
    """The labels and squared distances of rows (m, d), see `Lattice.nearest`."""
    return lattice.nearest(backend, rows, centers)
