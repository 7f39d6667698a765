"""Files in the form of the real data that the examples read, small and made up."""

import numpy as np
import pandas as pd


def write_images(folder, n_train=400, n_test=100, name="mnist", brightness=250):
    """Write noise (up to 60) with one square per class, so bright, in the form of MNIST."""
    random = np.random.RandomState(0)
    y = random.randint(10, size=n_train + n_test).astype(np.uint8)
    X = random.randint(60, size=(len(y), 28, 28)).astype(np.uint8)
    for image, label in zip(X, y, strict=True):
        row, column = divmod(int(label), 5)
        image[14 * row : 14 * row + 5, 5 * column : 5 * column + 5] = brightness
    X = X.reshape(len(X), -1)
    np.savez(
        folder / f"{name}.npz",
        X_train=X[:n_train],
        y_train=y[:n_train],
        X_test=X[n_train:],
        y_test=y[n_train:],
    )


def write_hours(folder, n_days=280):
    """Write bike_sharing.csv.gz: hours of days of which every seventh is alike but for noise."""
    random = np.random.RandomState(0)
    of_week = np.array([100, 180, 60, 140, 90, 200, 40])
    day = np.arange(24 * n_days) // 24
    target = random.poisson(of_week[day % 7] * random.uniform(0.8, 1.2, n_days)[day])
    frame = pd.DataFrame({"weekday": day % 7, "target": target})
    frame.to_csv(folder / "bike_sharing.csv.gz", index=False)


def write_prices(folder, numeric, n_rows=3000):
    """Write kc_house.csv.gz: the logarithm of the price is a noisy sum of two features."""
    random = np.random.RandomState(0)
    frame = pd.DataFrame({name: random.normal(size=n_rows) for name in numeric})
    log_price = 13 + 0.4 * frame["grade"] + 0.3 * frame["lat"] + 0.3 * random.normal(size=n_rows)
    frame.assign(target=np.exp(log_price)).to_csv(folder / "kc_house.csv.gz", index=False)


def write_customers(folder, n_rows=120):
    """Write customers.csv.gz: text, a date and gaps, and 'left', which three more rows lack."""
    random = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "plan": random.choice(["basic", "full"], n_rows + 3),
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(random.randint(900, size=n_rows + 3), unit="D"),
            "visits": random.normal(size=n_rows + 3).round(3),
            "city": random.choice(["Aalen", "Bonn", "Celle", "Daun"], n_rows + 3),
            "remark": random.choice(["late", "none so far"], n_rows + 3),
        }
    )
    left = np.where((frame["plan"] == "basic") & (frame["visits"] < 0.5), "yes", "no")
    frame["left"] = pd.Series(left).where(frame.index < n_rows)
    frame.loc[::7, "visits"] = np.nan
    frame.loc[::9, "city"] = np.nan
    path = folder / "customers.csv.gz"
    frame.to_csv(path, index=False)
    return path
