"""How the demo was made: rendering the heads, training the models. A development tool, never imported at run time."""
