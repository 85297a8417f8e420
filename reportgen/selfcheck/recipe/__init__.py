"""How the faces of the self-check were packed. A development tool, never imported at run time."""
