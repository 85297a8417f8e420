"""Faces: landmarks, facial actions, regions as soft masks on any grid, alignment. Never imports torch."""
