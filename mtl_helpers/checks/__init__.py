"""The checks of the exercises, one module a lesson. Each says which misconception a wrong answer shows."""
