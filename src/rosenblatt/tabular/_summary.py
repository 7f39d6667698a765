"""The text of `summary()`: how each column is encoded, and the networks."""

# SPDX-License-Identifier: BSD-3-Clause


def summary_lines(estimator):
    """The lines that `summary` prints."""
    columns, importances = estimator.columns_, estimator.feature_importances_
    rows = [("column", "kind", "missing", "importance", "details")]
    for column, importance in zip(columns, importances, strict=True):
        share = f"{importance:.1%}" if column.used else ""
        gaps = f"{column.n_missing:,}" if column.n_missing else ""
        rows.append((column.name, column.kind, gaps, share, column.detail))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {gaps:>{widths[2]}}  "
        f"{share:>{widths[3]}}  {detail}".rstrip()
        for name, kind, gaps, share, detail in rows
    ]
    shapes = {one._architecture.widths[:-1] for one in estimator.members_}
    sizes = " or ".join("-".join(map(str, shape)) for shape in sorted(shapes))
    epochs = [one.n_iter_ for one in estimator.members_]
    kind = "score of the held-out rows" if estimator.n_folds_ == 1 else "out-of-fold score"
    return [
        *lines,
        "",
        f"{estimator.n_members_} networks of layers {sizes}, trained for {min(epochs)} to "
        f"{max(epochs)} epochs; {kind} {estimator.oof_score_:.4f} +- "
        f"{estimator.oof_score_stderr_:.4f}.",
    ]
