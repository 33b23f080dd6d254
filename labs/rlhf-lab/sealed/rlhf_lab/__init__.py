"""Stands in the place of the package while a notebook is graded: no solution, no answer."""
