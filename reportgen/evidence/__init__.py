"""What the records show: statistics, tests and verdicts, as numbers and names.

Imports point one way: stats <- performance <- attention <- importance, examples <- shortcuts <- errors; `comparison`
rests on attention.
"""
