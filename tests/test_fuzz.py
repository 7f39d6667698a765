"""Random small fits: the estimators train, or raise an error with a reason."""

import pytest
from fuzzing import check

SEED = 20261128
N_CASES = 1000


@pytest.mark.parametrize("part", range(4))
def test_random_fits_train_or_are_refused(part):
    """No other exception, no crash, nothing lost by a refusal, the same bits again."""
    seeds = range(SEED + part, SEED + N_CASES, 4)

    n_trained = 0
    for seed in seeds:
        try:
            n_trained += check(seed)
        except Exception as error:
            error.add_note(f"fuzzing.check({seed})")
            raise

    assert n_trained > len(seeds) / 3  # or the cases ask for too much to test training
