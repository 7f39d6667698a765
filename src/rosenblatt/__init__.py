"""Neural network estimators for people who use scikit-learn."""
