"""Prediction: what a trained model says, as tables with the user's own ids."""

from distgnn.predict.predict import PredictionReport, predict

__all__ = ["PredictionReport", "predict"]
