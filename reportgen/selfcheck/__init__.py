"""The self-check: how often are the report's own verdicts right?

Trains many small models on synthetic faces, some of them taught a shortcut by a planted artefact, measures what each
really depends on by pasting the artefact, lets the ordinary build judge each blind, and scores the verdicts.
"""
