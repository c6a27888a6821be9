"""k-means: complete `fit` and `predict`."""

import numpy as np


class KMeans:
    """Groups the rows of X around centres."""

    def fit(self, X, start, num_steps):
        """`num_steps` times: give each row of X, an array (n, d), to its nearest centre, then move each centre to the
        mean of its rows. `start` (k, d) are the first centres, each of which has rows of its own. Sets `centres_`
        (k, d) and returns self."""
        ### BEGIN SOLUTION
        self.centres_ = np.array(start, dtype=float)
        for _ in range(num_steps):
            labels = self.predict(X)
            self.centres_ = np.array([X[labels == k].mean(axis=0) for k in range(len(start))])
        return self
        ### END SOLUTION

    def predict(self, X):
        """The number of the nearest centre of each row of X, (n,)."""
        ### BEGIN SOLUTION
        return ((X[:, None] - self.centres_) ** 2).sum(axis=2).argmin(axis=1)
        ### END SOLUTION
