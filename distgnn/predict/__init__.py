"""Prediction: what a trained model says, as tables with the user's own ids."""
